//! Which images there are, and under which name each thumbnail goes.
//!
//! Invariant: no target exists when it is planned, and none lies outside of the folder for thumbnails. So no original
//! and no other file is ever replaced.

use crate::shrink::Job;
use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use walkdir::{DirEntry, WalkDir};

/// What is taken for an image, whatever the case of its letters.
const EXTENSIONS: [&str; 3] = ["jpeg", "jpg", "png"];

/// How often an image kills its worker with `--kill-workers`: every so many images.
const KILL_EVERY: usize = 3;

/// The images of a folder, as tasks.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) jobs: Vec<Job>,
    /// Of each job its image, relative to the folder.
    pub(crate) names: Vec<PathBuf>,
    /// What could not even be tried, and why.
    pub(crate) failed: Vec<(String, String)>,
    /// Thumbnails that an earlier run has made, or other files of that name.
    pub(crate) there_already: usize,
    /// Where thumbnails are written before they get their names: on the same file system. It is removed with the plan,
    /// and with it what killed workers have left there.
    _parts: Option<TempDir>,
}

impl Plan {
    /// Looks for images below `folder` whose thumbnails below `out` are missing, and makes the folders for these.
    pub(crate) fn new(
        folder: &Path,
        out: &Path,
        size: u32,
        kill_workers: bool,
    ) -> Result<Plan> {
        let shown = folder.display();
        if !fs::metadata(folder).with_context(|| format!("cannot read {shown}"))?.is_dir() {
            bail!("{shown} is not a folder: give the folder that the images are in");
        }
        let folder = folder.canonicalize().with_context(|| format!("cannot read {shown}"))?;
        if out.canonicalize().is_ok_and(|out| folder.starts_with(out)) {
            bail!("--out {}: the images are in there; name another folder", out.display());
        }
        let mut plan = Plan::default();
        let images = plan.images(&folder, out);
        if images.is_empty() {
            return Ok(plan);
        }

        let shown = out.display();
        fs::create_dir_all(out).with_context(|| format!("cannot create {shown}"))?;
        let out = out.canonicalize().with_context(|| format!("cannot read {shown}"))?;
        let parts = tempfile::Builder::new().prefix(".thumbs-").tempdir_in(&out);
        let parts = parts.with_context(|| format!("cannot write to {shown}"))?;
        let mut folders = HashMap::new();
        for name in images {
            let target = out.join(&name);
            let below = name.parent().unwrap_or(Path::new(""));
            let made =
                folders.entry(below.to_owned()).or_insert_with(|| make_folder(&out, below));
            match made {
                Ok(()) if fs::symlink_metadata(&target).is_ok() => plan.there_already += 1,
                Ok(()) => {
                    let number = plan.jobs.len();
                    plan.jobs.push(Job {
                        source: folder.join(&name).into(),
                        part: parts.path().join(number.to_string()).into(),
                        target: target.into(),
                        size,
                        kills_worker: kill_workers && number % KILL_EVERY == 0,
                    });
                    plan.names.push(name);
                }
                Err(reason) => plan.failed.push((name.display().to_string(), reason.clone())),
            }
        }
        plan._parts = Some(parts);
        Ok(plan)
    }

    /// Relative to `folder`, in the order of their names. What is below `out` is not looked at.
    fn images(&mut self, folder: &Path, out: &Path) -> Vec<PathBuf> {
        let out = out.canonicalize().ok();
        let is_out = |entry: &DirEntry| out.as_deref() == Some(entry.path());
        let walk = WalkDir::new(folder).sort_by_file_name().into_iter();
        let mut images = Vec::new();
        for entry in walk.filter_entry(|entry| !is_out(entry)) {
            match entry {
                Ok(entry) if is_image(&entry) => {
                    let name = entry.path().strip_prefix(folder).unwrap_or(entry.path());
                    images.push(name.to_owned());
                }
                Ok(_) => {}
                Err(error) => {
                    let path = error.path().unwrap_or(folder);
                    let name = path.strip_prefix(folder).unwrap_or(path).display().to_string();
                    let reason = error
                        .io_error()
                        .map_or("a loop of links".to_owned(), |error| error.to_string());
                    self.failed.push((name, reason));
                }
            }
        }
        images
    }
}

/// By its name. A link may lead to an image; whether it does is the task's affair.
fn is_image(entry: &DirEntry) -> bool {
    let extension = entry.path().extension().and_then(|extension| extension.to_str());
    let named = extension
        .is_some_and(|own| EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(own)));
    named && (entry.file_type().is_file() || entry.path_is_symlink())
}

/// A folder for thumbnails. One that a link leads out of `out` may be a folder with originals.
fn make_folder(out: &Path, below: &Path) -> Result<(), String> {
    let folder = out.join(below);
    let made = fs::create_dir_all(&folder).and_then(|()| folder.canonicalize());
    match made {
        Ok(real) if real.starts_with(out) => Ok(()),
        Ok(real) => Err(format!("its thumbnail would go to {}", real.display())),
        Err(error) => Err(format!("cannot create {}: {error}", folder.display())),
    }
}
