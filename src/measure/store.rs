//! Where the figures are kept: the book's own in `measure/reference.json`, the reader's in `.workbook/measured.json`.
//!
//! Invariant: a file is whole at every moment. It is written beside its place and then renamed.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use claims::{Run, Scale, Taken, VERSION, claim};

use crate::project::Project;

/// The book's own figures, relative to the project's root.
pub const REFERENCE: &str = "measure/reference.json";

/// The reader's figures, relative to the project's root.
pub const MEASURED: &str = ".workbook/measured.json";

/// Reads the figures at `path`; `None` if there is no such file.
///
/// # Errors
///
/// When the file cannot be read, is no run, or is one of another version, with the path and what to do.
pub fn read(path: &Path) -> Result<Option<Run>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    let advice = || {
        format!(
            "{} is no run of this version of the experiments: remove it, and measure again",
            path.display()
        )
    };
    let value: serde_json::Value = serde_json::from_slice(&text).with_context(advice)?;
    let version = value.get("version").and_then(serde_json::Value::as_u64);
    anyhow::ensure!(version == Some(VERSION.into()), "{}", advice());
    serde_json::from_value(value).map(Some).with_context(advice)
}

/// The file that a run goes into.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    earlier: Option<Run>,
}

impl Store {
    /// Looks what is there. A file that cannot be used is replaced by the first finding.
    pub(super) fn open(project: &Project, reference: bool) -> Store {
        let path = project.root().join(if reference { REFERENCE } else { MEASURED });
        let earlier = read(&path).ok().flatten();
        Store { path, earlier }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the earlier findings into `run` if they are of the same machine.
    pub(super) fn keep_of_the_same_machine(&mut self, run: &mut Run) {
        if let Some(earlier) = self.earlier.take()
            && earlier.machine == run.machine
        {
            run.findings = earlier.findings;
        }
    }

    /// Puts a finding in the place of an earlier one of its claim, or where the list of claims has it. A small one takes the
    /// place of no full one: then the result is `false`.
    pub(super) fn add(&self, run: &mut Run, taken: Taken) -> bool {
        let is_of_it = |known: &Taken| known.finding.id == taken.finding.id;
        let full =
            run.findings.iter().any(|known| is_of_it(known) && known.scale == Scale::Full);
        if full && taken.scale == Scale::Small {
            return false;
        }
        run.findings.retain(|known| !is_of_it(known) && claim(&known.finding.id).is_some());
        run.findings.push(taken);
        let order: Vec<&str> = super::all().map(|claim| claim.id).collect();
        run.findings.sort_by_key(|taken| order.iter().position(|id| *id == taken.finding.id));
        true
    }

    pub(super) fn write(&self, run: &Run) -> Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let write = || -> Result<()> {
            fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer_pretty(&mut file, run)?;
            file.write_all(b"\n")?;
            // The reference is for everybody to read, as any other file of the project.
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
            }
            file.persist(&self.path)?;
            Ok(())
        };
        write().with_context(|| format!("cannot write {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use claims::{Finding, Machine, Verdict};

    fn run() -> Run {
        let machine = Machine {
            processor: "P".into(),
            processors: 2,
            usable: 2,
            memory_bytes: 1,
            page_bytes: 4096,
            kernel: "6".into(),
            hypervisor: false,
            container: Vec::new(),
        };
        Run { version: VERSION, machine, findings: Vec::new() }
    }

    fn finding(id: &str, because: &str) -> Taken {
        let finding = Finding {
            id: id.into(),
            verdict: Verdict::True,
            because: because.into(),
            plots: Vec::new(),
            facts: Vec::new(),
            notes: Vec::new(),
            took_s: 1.0,
        };
        Taken { unix_s: 1, scale: Scale::Full, other_load: 0.0, finding }
    }

    fn project() -> (tempfile::TempDir, Project) {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("chapters")).expect("a folder");
        fs::write(folder.path().join("book.toml"), "").expect("a file");
        let project = Project::find(Some(folder.path())).expect("a project");
        (folder, project)
    }

    #[test]
    fn a_second_run_keeps_the_findings_of_the_first_on_the_same_machine() {
        let (_folder, project) = project();
        let store = Store::open(&project, false);
        let mut first = run();
        store.add(&mut first, finding("blocking", "old"));
        store.add(&mut first, finding("limits", "kept"));
        store.write(&first).expect("it is written");

        let mut store = Store::open(&project, false);
        let mut second = run();
        store.keep_of_the_same_machine(&mut second);
        store.add(&mut second, finding("blocking", "new"));
        store.add(&mut second, finding("worker-count", "first in the list"));
        store.write(&second).expect("it is written");

        let read = read(store.path()).expect("readable").expect("there");
        let texts: Vec<&str> =
            read.findings.iter().map(|it| it.finding.because.as_str()).collect();
        assert_eq!(texts, ["first in the list", "new", "kept"]);
        let left = fs::read_dir(project.root().join(".workbook")).expect("a folder").count();
        assert_eq!(left, 1, "the file beside is gone");
    }

    #[test]
    fn a_small_run_takes_the_place_of_no_full_one() {
        let (_folder, project) = project();
        let store = Store::open(&project, false);
        let mut run = run();
        let small = |because| Taken { scale: Scale::Small, ..finding("limits", because) };
        assert!(store.add(&mut run, small("first")) && store.add(&mut run, small("again")));
        assert!(store.add(&mut run, finding("limits", "full")));
        assert!(!store.add(&mut run, small("late")));
        assert_eq!(run.findings, [finding("limits", "full")]);
    }

    #[test]
    fn findings_of_another_machine_are_not_mixed_in() {
        let (_folder, project) = project();
        let store = Store::open(&project, false);
        let mut first = run();
        store.add(&mut first, finding("blocking", "old"));
        store.write(&first).expect("it is written");
        let mut store = Store::open(&project, false);
        let mut other = run();
        other.machine.kernel = "7".into();
        store.keep_of_the_same_machine(&mut other);
        assert!(other.findings.is_empty());
    }

    #[test]
    fn a_file_that_is_no_run_is_an_error_that_says_what_to_do() {
        let (folder, _) = project();
        let path = folder.path().join("measured.json");
        assert!(read(&path).expect("no file is no error").is_none());
        let newer =
            serde_json::to_string(&Run { version: VERSION + 1, ..run() }).expect("JSON");
        for text in ["", "{", "[]", "{\"version\": 1}", &newer] {
            fs::write(&path, text).expect("a file");
            let error = format!("{:#}", read(&path).expect_err(text));
            assert!(error.contains("measure again"), "{error}");
        }
    }
}
