//! One exercise as its folder describes it, and all exercises of a project.
//!
//! The reader owns `src/lib.rs` and nothing else in the folder. The name of the folder is the name of the package, and
//! is the exercise's id; both are checked, since every command and every record goes by it.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// One exercise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exercise {
    /// The name of its package and of its folder.
    pub id: String,
    /// What the page's heading says.
    pub title: String,
    /// The folder of its chapter, as in `05-pipe`.
    pub chapter: String,
    /// What is asked of the reader.
    pub kind: Kind,
    /// How long it takes, in minutes.
    pub minutes: u32,
    /// Its place within the chapter.
    pub order: u32,
    /// The heading of the chapter's page that a diagnosis points to.
    pub section: String,
    /// The code that the untouched starter gets.
    pub starter: String,
    /// The hints from the first nudge to nearly the answer, in Markdown.
    pub hints: Vec<String>,
    /// The folder itself.
    pub folder: PathBuf,
}

/// What is asked of the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A line or two are missing.
    Fill,
    /// Everything is there, and something in it is wrong.
    Repair,
    /// The part is still to be written.
    Write,
    /// The program is given; say what it can print.
    Predict,
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Kind::Fill => "fill",
            Kind::Repair => "repair",
            Kind::Write => "write",
            Kind::Predict => "predict",
        })
    }
}

/// Why an exercise could not be read.
#[derive(Debug)]
pub enum ExerciseError {
    /// A file or a folder could not be read.
    Unreadable {
        /// The file or the folder.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// A file says something else than an exercise's file says.
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what it should say.
        what: String,
    },
}

impl fmt::Display for ExerciseError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExerciseError::Unreadable { path, .. } => {
                write!(out, "cannot read {}: restore it with git checkout", path.display())
            }
            ExerciseError::Malformed { path, what } => {
                write!(out, "{}: {what}", path.display())
            }
        }
    }
}

impl std::error::Error for ExerciseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ExerciseError::Unreadable { source, .. } => Some(source),
            ExerciseError::Malformed { .. } => None,
        }
    }
}

#[derive(Deserialize)]
struct Manifest {
    package: Package,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    exercise: Description,
}

/// The table `[package.metadata.exercise]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    title: String,
    kind: Kind,
    minutes: u32,
    order: u32,
    section: String,
    starter: String,
}

impl Exercise {
    /// Reads the exercise whose `Cargo.toml` and `README.md` lie in `folder`.
    ///
    /// # Errors
    ///
    /// When one of the two cannot be read, when `Cargo.toml` has no complete table `[package.metadata.exercise]`, or
    /// when the package is not called as the folder is.
    pub fn read(folder: &Path) -> Result<Exercise, ExerciseError> {
        let manifest_path = folder.join("Cargo.toml");
        let malformed =
            |what: String| ExerciseError::Malformed { path: manifest_path.clone(), what };
        let manifest: Manifest = toml::from_str(&read(&manifest_path)?)
            .map_err(|error| malformed(format!("describes no exercise: {error}")))?;
        let Package { name: id, metadata: Metadata { exercise: described } } = manifest.package;
        if !crate::is_id(&id) {
            return Err(malformed(format!(
                "{id:?} cannot be an exercise's name: small letters, digits and hyphens can"
            )));
        }
        if folder.file_name() != Some(id.as_ref()) {
            return Err(malformed(format!(
                "the package is called {id}, so its folder must be, too"
            )));
        }
        let chapter = folder.parent().and_then(Path::file_name).unwrap_or_default();
        let exercise = Exercise {
            id,
            title: described.title,
            chapter: chapter.to_string_lossy().into_owned(),
            kind: described.kind,
            minutes: described.minutes,
            order: described.order,
            section: described.section,
            starter: described.starter,
            hints: Vec::new(),
            folder: folder.to_path_buf(),
        };
        let page = read(&exercise.readme())?;
        Ok(Exercise { hints: crate::hints::read(&page), ..exercise })
    }

    /// The reader's file.
    pub fn source(&self) -> PathBuf {
        self.folder.join("src").join("lib.rs")
    }

    /// What the reader's file held at first.
    pub fn starter_source(&self) -> PathBuf {
        self.folder.join("starter").join("lib.rs")
    }

    /// The reference solution.
    pub fn solution_source(&self) -> PathBuf {
        self.folder.join("solution").join("src").join("lib.rs")
    }

    /// The page with the task and the hints.
    pub fn readme(&self) -> PathBuf {
        self.folder.join("README.md")
    }
}

/// Reads every exercise of the project: the folders `exercises/NN-chapter/ID` that have a `Cargo.toml`. They come in the
/// order of the chapters, then of the appendices, and within each by `order`, then by id. A project without exercises has none.
///
/// # Errors
///
/// When a folder cannot be listed, or as [`Exercise::read`].
pub fn read_all(root: &Path) -> Result<Vec<Exercise>, ExerciseError> {
    let all = root.join("exercises");
    let mut exercises = Vec::new();
    if all.is_dir() {
        for chapter in folders(&all)? {
            if is_chapters(&chapter) {
                for folder in folders(&chapter)? {
                    if folder.join("Cargo.toml").is_file() {
                        exercises.push(Exercise::read(&folder)?);
                    }
                }
            }
        }
    }
    exercises.sort_by(|one, other| {
        (&one.chapter, one.order, &one.id).cmp(&(&other.chapter, other.order, &other.id))
    });
    Ok(exercises)
}

/// The project's root: the nearest folder from `folder` upwards that has a `book.toml`.
pub fn root_of(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|folder| folder.join("book.toml").is_file()).map(Path::to_path_buf)
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>, ExerciseError> {
    let list = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    };
    let mut entries = list()
        .map_err(|source| ExerciseError::Unreadable { path: folder.to_path_buf(), source })?;
    entries.retain(|entry| entry.is_dir());
    Ok(entries)
}

/// Whether the folder is a chapter's or an appendix's: digits or one capital letter, a hyphen, a name.
fn is_chapters(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name.split_once('-').is_some_and(|(number, _)| match number.as_bytes() {
        [] => false,
        [letter] if letter.is_ascii_uppercase() => true,
        digits => digits.iter().all(u8::is_ascii_digit),
    })
}

fn read(path: &Path) -> Result<String, ExerciseError> {
    fs::read_to_string(path)
        .map_err(|source| ExerciseError::Unreadable { path: path.to_path_buf(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, chapter: &str, id: &str, order: u32) -> PathBuf {
        let folder = root.join("exercises").join(chapter).join(id);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(
            folder.join("Cargo.toml"),
            format!(
                "[package]\nname = \"{id}\"\nversion.workspace = true\n\n[package.metadata.exercise]\ntitle = \"The end\"\n\
                 kind = \"repair\"\nminutes = 15\norder = {order}\nsection = \"Why\"\nstarter = \"STUCK\"\n"
            ),
        )
        .expect("Cargo.toml");
        fs::write(
            folder.join("README.md"),
            "# The end\n\n## Hints\n\n<details>\n<summary>Hint 1</summary>\n\nClose.\n\n</details>\n",
        )
        .expect("README.md");
        folder
    }

    #[test]
    fn an_exercise_is_what_its_folder_says() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = write(root.path(), "05-pipe", "pipe-eof", 2);
        let exercise = Exercise::read(&folder).expect("an exercise");
        assert_eq!(
            exercise,
            Exercise {
                id: "pipe-eof".into(),
                title: "The end".into(),
                chapter: "05-pipe".into(),
                kind: Kind::Repair,
                minutes: 15,
                order: 2,
                section: "Why".into(),
                starter: "STUCK".into(),
                hints: vec!["Close.".into()],
                folder: folder.clone(),
            }
        );
        assert_eq!(format!("[{:8}]", exercise.kind), "[repair  ]");
        assert_eq!(exercise.source(), folder.join("src/lib.rs"));
    }

    #[test]
    fn exercises_come_by_chapter_order_and_name_and_crates_are_none() {
        let root = tempfile::tempdir().expect("a folder");
        assert!(read_all(root.path()).expect("no exercises").is_empty());
        write(root.path(), "05-pipe", "a", 2);
        write(root.path(), "05-pipe", "c", 1);
        write(root.path(), "05-pipe", "b", 1);
        write(root.path(), "D-machines", "d", 1);
        write(root.path(), "02-fork", "z", 9);
        fs::create_dir_all(root.path().join("exercises/grader/src")).expect("a folder");
        fs::create_dir_all(root.path().join("exercises/05-pipe/empty")).expect("a folder");
        let all = read_all(root.path()).expect("exercises");
        let ids: Vec<&str> = all.iter().map(|exercise| exercise.id.as_str()).collect();
        assert_eq!(ids, ["z", "b", "c", "a", "d"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_file() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = write(root.path(), "05-pipe", "pipe-eof", 1);
        let manifest = folder.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).expect("Cargo.toml");
        for (from, to, complaint) in [
            ("minutes = 15", "", "missing field `minutes`"),
            ("kind = \"repair\"", "kind = \"guess\"", "unknown variant `guess`"),
            ("order", "level", "unknown field `level`"),
            ("name = \"pipe-eof\"", "name = \"other\"", "the package is called other"),
            ("name = \"pipe-eof\"", "name = \"../x\"", "cannot be an exercise's name"),
            ("[package]", "[package", "describes no exercise"),
        ] {
            fs::write(&manifest, text.replacen(from, to, 1)).expect("Cargo.toml");
            let error = read_all(root.path()).expect_err(complaint).to_string();
            assert!(error.contains(complaint) && error.contains("Cargo.toml"), "{error}");
        }
        fs::write(&manifest, text).expect("Cargo.toml");
        fs::remove_file(folder.join("README.md")).expect("README.md");
        let error = Exercise::read(&folder).expect_err("no page").to_string();
        assert!(error.contains("README.md"), "{error}");
    }

    #[test]
    fn the_root_is_the_nearest_folder_with_the_book() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = write(root.path(), "05-pipe", "pipe-eof", 1);
        fs::write(root.path().join("book.toml"), "").expect("book.toml");
        assert_eq!(root_of(&folder).as_deref(), Some(root.path()));
        assert_eq!(root_of(root.path()).as_deref(), Some(root.path()));
    }
}
