//! What an exercise is, and how far its reader has come.
//!
//! An exercise is a folder `exercises/NN-chapter/ID` with a package of its own. Its title, kind and minutes stand in the
//! package's `Cargo.toml`, its hints in the `README.md`, and nothing is listed anywhere else: [`read_all`] looks into the
//! folders. [`Progress`] is the record of one exercise, a small file under `.workbook` in the project's root, which the
//! grader writes and the list and the book read.
//!
//! The crate compiles on every system, so that the book can show the exercises where they cannot run.

#![forbid(unsafe_code)]

mod description;
mod hints;
mod progress;

pub use description::{Exercise, ExerciseError, Kind, read_all, root_of};
pub use progress::{DIAGNOSIS_LEN_MAX, Outcome, Progress, replace};

/// The folder in the project's root that holds what belongs to one reader only. Git ignores it.
pub const READERS_FOLDER: &str = ".workbook";

/// Whether `id` can be the name of an exercise: small letters, digits and single hyphens, as cargo's package names are.
/// Whatever passes can be a file name, and stays in its folder.
pub fn is_id(id: &str) -> bool {
    id.len() <= 64
        && id.split('-').all(|word| {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_never_leaves_its_folder() {
        for id in ["pipe-eof", "exec", "v1", "a-2-b"] {
            assert!(is_id(id), "{id}");
        }
        let long = "a".repeat(65);
        for id in ["", "..", "a/b", "a\\b", "A", "-a", "a-", "a--b", "a.b", "c:", "é", &long] {
            assert!(!is_id(id), "{id}");
        }
    }
}
