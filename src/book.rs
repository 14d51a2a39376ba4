//! Builds the book with mdBook's library, and takes every error that mdBook only logs for what
//! it is.

use std::fmt::{self, Write};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use mdbook_driver::MDBook;
use mdbook_driver::book::BookItem;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::include;
use crate::preprocess::Workbook;
use crate::project::Project;

/// What mdBook warned about in a build that went through.
pub type Warnings = Vec<String>;

/// A folder to write pages to, held by this process alone until it is dropped.
///
/// mdBook empties the folder before it writes. Two programs that build into the same one would
/// delete each other's pages, so each takes the project's lock first. The lock is the kernel's:
/// it goes with the process, however that ends.
#[derive(Debug)]
pub struct Destination {
    folder: PathBuf,
    _lock: File,
}

impl Destination {
    /// Takes `folder` for a build of `project`, and waits while another program builds.
    ///
    /// # Errors
    ///
    /// When the folder holds anything but an earlier build, because mdBook would delete it, or
    /// the project's `target` folder cannot be written.
    pub fn take(project: &Project, folder: &Path) -> Result<Destination> {
        let folder = std::path::absolute(folder)
            .with_context(|| format!("no such path: {}", folder.display()))?;
        if holds_other_things(&folder) {
            bail!(
                "{} is not empty and holds no earlier build: a build would delete what is in \
                 it. \
                 Name a new folder or an empty one",
                folder.display()
            );
        }
        let target = project.root().join("target");
        fs::create_dir_all(&target)
            .with_context(|| format!("cannot create {}", target.display()))?;
        let lock_path = target.join("site.lock");
        let lock = File::create(&lock_path)
            .with_context(|| format!("cannot create {}", lock_path.display()))?;
        lock.lock().with_context(|| format!("cannot lock {}", lock_path.display()))?;
        Ok(Destination { folder, _lock: lock })
    }

    /// The folder itself, as an absolute path.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

fn holds_other_things(folder: &Path) -> bool {
    // mdBook writes both of these into every site.
    let is_a_site = folder.join(".nojekyll").is_file() && folder.join("404.html").is_file();
    let is_empty =
        fs::read_dir(folder).map_or(!folder.exists(), |mut entries| entries.next().is_none());
    !is_a_site && !is_empty
}

/// Builds the whole book into `destination`.
///
/// # Errors
///
/// When `book.toml` or `SUMMARY.md` is wrong, a page is missing, a page includes a file, an
/// anchor or lines that do not exist, or mdBook logs an error. The message names the file, and
/// the line where one is known.
pub fn build(project: &Project, destination: &Destination) -> Result<Warnings> {
    let log = Log::default();
    let built = tracing::subscriber::with_default(log.clone(), || {
        build_logged(project, destination.folder())
    });
    let Messages { errors, warnings } = log.take();
    match built {
        Ok(()) if errors.is_empty() => Ok(warnings),
        Ok(()) => bail!("{}", errors.join("\n")),
        Err(error) if errors.is_empty() => Err(error),
        Err(error) => Err(error.context(errors.join("\n"))),
    }
}

fn build_logged(project: &Project, folder: &Path) -> Result<()> {
    let mut book = MDBook::load(project.root())?;
    // This program is the preprocessor: the command of that name in book.toml is for mdBook's
    // own program.
    book.with_preprocessor(Workbook);
    book.config.build.build_dir = folder.to_path_buf();

    let source = book.source_dir();
    let pages = book.iter().filter_map(|item| match item {
        BookItem::Chapter(chapter) => chapter.source_path.as_ref(),
        _ => None,
    });
    let problems: Vec<String> = pages
        .flat_map(|page| include::check_page(&source.join(page)))
        .map(|mut problem| {
            problem.file = project.relative(&problem.file).to_path_buf();
            problem.to_string()
        })
        .collect();
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    book.build()?;
    mend_start_page(&folder.join("index.html"))
}

/// mdBook makes the start page as a copy of the first chapter, which lies one folder deeper. A
/// server at `/` forgives the links that climb too high; a file or a subfolder does not.
fn mend_start_page(page: &Path) -> Result<()> {
    let text = fs::read_to_string(page)
        .with_context(|| format!("mdBook made no start page: {}", page.display()))?;
    fs::write(page, text.replace("href=\"../", "href=\""))
        .with_context(|| format!("cannot write {}", page.display()))
}

#[derive(Debug, Default)]
struct Messages {
    errors: Vec<String>,
    warnings: Vec<String>,
}

/// Keeps what mdBook logs on this thread.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Messages>>);

impl Log {
    fn take(&self) -> Messages {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        let mut message = Message::default();
        event.record(&mut message);
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *event.metadata().level() == Level::ERROR {
            messages.errors.push(message.0);
        } else {
            messages.warnings.push(message.0);
        }
    }

    // Spans say where time went, which nobody asks here. They all share one number.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = if field.name() == "message" {
            write!(self.0, "{value:?}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
        written.expect("a string takes every write");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mini_project() -> (tempfile::TempDir, Project) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("chapters")).expect("a folder");
        fs::write(folder.path().join("book.toml"), "").expect("a file");
        let project = Project::find(Some(folder.path())).expect("a project");
        (folder, project)
    }

    #[test]
    fn a_folder_with_other_things_is_refused_and_left_alone() {
        let (folder, project) = mini_project();
        let precious = folder.path().join("thesis.tex");
        fs::write(&precious, "text").expect("a file");
        let refusal =
            Destination::take(&project, folder.path()).expect_err("the folder is not empty");
        assert!(refusal.to_string().contains("holds no earlier build"), "{refusal}");
        assert!(precious.exists());
    }

    #[test]
    fn a_new_folder_and_an_earlier_build_are_taken() {
        let (folder, project) = mini_project();
        let site = folder.path().join("site");
        drop(Destination::take(&project, &site).expect("a new folder"));
        fs::create_dir(&site).expect("the folder");
        drop(Destination::take(&project, &site).expect("an empty folder"));
        fs::write(site.join(".nojekyll"), "").expect("a file");
        fs::write(site.join("404.html"), "").expect("a file");
        drop(Destination::take(&project, &site).expect("an earlier build"));
    }

    #[test]
    fn errors_and_warnings_of_the_log_are_kept_apart() {
        let log = Log::default();
        tracing::subscriber::with_default(log.clone(), || {
            tracing::error!("broken {}", 1);
            tracing::warn!("odd");
            tracing::info!("usual");
        });
        let Messages { errors, warnings } = log.take();
        assert_eq!((errors, warnings), (vec!["broken 1".to_owned()], vec!["odd".to_owned()]));
    }
}
