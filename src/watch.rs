//! Notices that a file of the book's source has changed.
//!
//! It compares modification times several times a second and does not ask the kernel for
//! notices: a few hundred files cost next to nothing, and the result is the same on every
//! system, on network folders and in containers, where notices get lost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use walkdir::WalkDir;

use crate::measure::store::{MEASURED, REFERENCE};
use crate::project::Project;

/// How often to look.
pub const INTERVAL: Duration = Duration::from_millis(200);

/// What the pages are made of, relative to the project's root.
const SOURCES: &[&str] =
    &["book.toml", "README.md", "chapters", EXERCISES, "theme", REFERENCE, MEASURED];

/// Here the reader edits code, which no page shows: only what describes the exercises counts.
const EXERCISES: &str = "exercises";

/// The state of all source files at one moment. Two that differ mean an edit in between.
#[derive(Debug, PartialEq, Eq)]
pub struct Sources(BTreeMap<PathBuf, (Option<SystemTime>, u64)>);

impl Sources {
    /// Looks at every source file now. A file that vanishes meanwhile is left out.
    pub fn look(project: &Project) -> Sources {
        let files = SOURCES
            .iter()
            .flat_map(|name| {
                WalkDir::new(project.root().join(name))
                    .into_iter()
                    .filter_entry(|it| is_source(it.path()))
                    .filter_map(Result::ok)
                    .filter(move |it| *name != EXERCISES || is_of_a_page(it.path()))
            })
            .filter(|entry| entry.file_type().is_file())
            .filter_map(|entry| {
                let metadata = entry.metadata().ok()?;
                let state = (metadata.modified().ok(), metadata.len());
                Some((entry.into_path(), state))
            });
        Sources(files.collect())
    }
}

/// Whether `path` can matter to a page: hidden files and editors' backups cannot, and build
/// output must not.
fn is_source(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !(name.starts_with('.') || name.ends_with('~') || name == "target")
}

/// Whether a page is made of the file.
fn is_of_a_page(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        ["README.md", "Cargo.toml", "score.toml"].iter().any(|it| name == *it)
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_edit_a_new_file_and_a_removal_are_changes_and_a_hidden_file_is_none() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let chapters = folder.path().join("chapters");
        fs::create_dir(&chapters).expect("a folder");
        fs::write(folder.path().join("book.toml"), "").expect("a file");
        let project = Project::find(Some(folder.path())).expect("a project");
        let look = || Sources::look(&project);

        let empty = look();
        assert_eq!(empty, look());
        fs::write(chapters.join("page.md"), "one").expect("a page");
        let one = look();
        assert_ne!(empty, one);
        fs::write(chapters.join("page.md"), "other").expect("a page");
        assert_ne!(one, look());
        fs::remove_file(chapters.join("page.md")).expect("the page was there");
        assert_eq!(empty, look());
        fs::write(chapters.join(".page.md.swp"), "x").expect("a file");
        assert_eq!(empty, look());
    }

    #[test]
    fn of_an_exercise_only_its_description_is_watched() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let own = folder.path().join("exercises/05-pipe/pipe-eof");
        fs::create_dir_all(own.join("src")).expect("a folder");
        fs::create_dir(folder.path().join("chapters")).expect("a folder");
        fs::write(folder.path().join("book.toml"), "").expect("a file");
        let project = Project::find(Some(folder.path())).expect("a project");

        let before = Sources::look(&project);
        fs::write(own.join("src/lib.rs"), "//! Mine.").expect("a file");
        assert_eq!(before, Sources::look(&project));
        fs::create_dir_all(folder.path().join(".workbook")).expect("a folder");
        for name in
            ["README.md", "Cargo.toml", "../../score.toml", "../../../.workbook/measured.json"]
        {
            let before = Sources::look(&project);
            fs::write(own.join(name), "text").expect("a file");
            assert_ne!(before, Sources::look(&project), "{name}");
        }
    }
}
