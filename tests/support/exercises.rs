//! The exercises of the project, and which of their files belong to the reader.
//!
//! The reader's file may hold anything, also text that is no Rust: whoever solves an exercise must
//! not break a test of the book. What the file held at first is judged in its pristine copy.

use std::collections::BTreeSet;

use super::project::Project;

/// One folder `exercises/NN-chapter/ID` with a `Cargo.toml`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Exercise {
    /// The name of the folder above, which is the chapter's.
    pub(crate) chapter: String,
    /// The name of the folder.
    pub(crate) id: String,
    /// The folder itself.
    pub(crate) folder: String,
}

impl Exercise {
    /// A file of the exercise.
    pub(crate) fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.folder)
    }

    /// The page of its chapter.
    pub(crate) fn page(&self) -> String {
        format!("chapters/{}/README.md", self.chapter)
    }

    /// Its table `[package.metadata.exercise]`, and the name of its package.
    ///
    /// # Errors
    ///
    /// What is wrong with its `Cargo.toml`.
    pub(crate) fn manifest(&self, project: &Project) -> Result<(String, toml::Table), String> {
        let path = self.path("Cargo.toml");
        let text = project.files.get(&path).map_or("", String::as_str);
        let manifest: toml::Table =
            text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        let package = manifest.get("package").and_then(toml::Value::as_table);
        let name = package.and_then(|package| package.get("name")?.as_str());
        let described =
            package.and_then(|package| package.get("metadata")?.get("exercise")?.as_table());
        match (name, described) {
            (Some(name), Some(described)) => Ok((name.to_owned(), described.clone())),
            _ => Err("has no name or no table `[package.metadata.exercise]`".into()),
        }
    }

    /// How many changes of its solution are listed as equivalent.
    pub(crate) fn equivalents(&self, project: &Project) -> i64 {
        let text = project.files.get(&self.path("equivalent.toml")).map_or("", String::as_str);
        let listed = text
            .parse::<toml::Table>()
            .ok()
            .and_then(|list| i64::try_from(list.get("mutant")?.as_array()?.len()).ok());
        listed.unwrap_or(0)
    }

    /// Its files that replace the reader's one and must each get their own diagnosis.
    pub(crate) fn wrong<'a>(&self, project: &'a Project) -> Vec<(&'a str, &'a str)> {
        let folder = self.path("wrong/");
        let files = project.files.iter().filter(|(path, _)| path.starts_with(&folder));
        files.map(|(path, text)| (path.as_str(), text.as_str())).collect()
    }
}

/// All exercises by chapter and name.
pub(crate) fn all(project: &Project) -> Vec<Exercise> {
    let folders: BTreeSet<Exercise> = project
        .files
        .keys()
        .filter_map(|path| match path.split('/').collect::<Vec<_>>()[..] {
            ["exercises", chapter, id, "Cargo.toml"] if is_chapters(chapter) => {
                Some(Exercise {
                    id: id.into(),
                    chapter: chapter.into(),
                    folder: format!("exercises/{chapter}/{id}"),
                })
            }
            _ => None,
        })
        .collect();
    folders.into_iter().collect()
}

/// The exercises of an appendix come after those of every chapter, and may use every part.
const APPENDIX: u32 = 100;

/// The number of the chapter that an exercise's folder or file belongs to, or [`APPENDIX`].
pub(crate) fn exercise_number(path: &str) -> Option<u32> {
    let folder = path.strip_prefix("exercises/")?.split('/').next()?;
    let number = folder.split_once('-')?.0;
    if is_letter(number) { Some(APPENDIX) } else { number.parse().ok() }
}

/// Whether a file is the reader's to edit: `src/lib.rs` of an exercise, and what the reader puts
/// beside it.
pub(crate) fn is_the_readers(path: &str) -> bool {
    exercise_number(path).is_some()
        && matches!(
            path.split('/').collect::<Vec<_>>()[..],
            [_, _, _, "src", file, ..] if file != "bin"
        )
}

/// Whether a file is compiled only in the place of the reader's one.
pub(crate) fn stands_in(path: &str) -> bool {
    exercise_number(path).is_some()
        && matches!(path.split('/').collect::<Vec<_>>()[..], [_, _, _, "starter" | "wrong", _])
}

/// The codes of the grader's diagnoses, read from the source of the crate that declares them: a
/// variant's name in letters of both sizes, then its stable name.
pub(crate) fn codes(project: &Project) -> BTreeSet<String> {
    let text = project.files.get("exercises/grader/src/code.rs").map_or("", String::as_str);
    text.lines()
        .filter_map(|line| {
            let (variant, name) = line.trim().split_once(' ')?;
            let name = name.strip_prefix('"')?.strip_suffix('"')?;
            let camel: String = name.split('_').map(capitalized).collect();
            (is_code(name) && variant == camel).then(|| name.to_owned())
        })
        .collect()
}

fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_owned() + &rest.to_lowercase()
}

/// Whether the text has the form of a code, as in `SELF_HELD_WRITE_END`.
pub(crate) fn is_code(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

/// Whether the folder is a chapter's or an appendix's.
fn is_chapters(folder: &str) -> bool {
    folder.split_once('-').is_some_and(|(number, _)| {
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        is_letter(number) || !number.is_empty() && is_number
    })
}

/// Whether this stands before the hyphen of an appendix's folder.
fn is_letter(number: &str) -> bool {
    number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_uppercase())
}
