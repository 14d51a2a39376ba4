//! How far the reader has come with one exercise: the record `.workbook/progress/ID.json`.
//!
//! The grader writes it at each run of the reader's test. The list, the commands and the book read it, also while it is
//! being written: a new record is a new file that takes the old one's name (`man 2 rename`), so that a reader of the file
//! sees the one or the other and never half of one. The first success is kept for ever, whatever is recorded after it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A diagnosis is kept up to this many bytes. The program under test can put text of its own into one.
pub const DIAGNOSIS_LEN_MAX: usize = 32 * 1024;

/// A longer file was not written by [`Progress::record`]. JSON writes a control character in six bytes.
const FILE_LEN_MAX: u64 = 8 * DIAGNOSIS_LEN_MAX as u64;

/// How the last run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Outcome {
    /// Every case was kept.
    Passed,
    /// A case was not kept.
    Failed {
        /// The diagnosis's code, as in `SELF_HELD_WRITE_END`.
        code: String,
        /// What the case promises.
        case: String,
        /// The whole diagnosis as the grader printed it, without colours.
        diagnosis: String,
    },
}

/// The record of one exercise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// How the last run ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// When that was, in seconds since 1970.
    pub at_s: u64,
    /// How many runs have been recorded.
    pub attempts: u32,
    /// When the exercise was passed for the first time, in seconds since 1970. Later failures leave it as it is.
    pub passed_at_s: Option<u64>,
}

impl Progress {
    /// The record of the exercise `id` in the project at `root`. A file that is missing, damaged or not readable is no
    /// record.
    pub fn read(root: &Path, id: &str) -> Option<Progress> {
        if !crate::is_id(id) {
            return None;
        }
        let file = File::open(path(root, id)).ok()?;
        let mut text = String::new();
        file.take(FILE_LEN_MAX).read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Adds a run that ends now to the record of the exercise `id`, and gives back the new record.
    ///
    /// # Errors
    ///
    /// When `id` cannot be an exercise's name, or when the record cannot be written. The old one then stays as it was.
    pub fn record(root: &Path, id: &str, outcome: Outcome) -> io::Result<Progress> {
        let now_s =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if !crate::is_id(id) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{id:?} is no name of an exercise"),
            ));
        }
        let before = Progress::read(root, id);
        let earlier_success_s = before.as_ref().and_then(|before| before.passed_at_s);
        let passed_at_s = match outcome {
            Outcome::Passed => earlier_success_s.or(Some(now_s)),
            Outcome::Failed { .. } => earlier_success_s,
        };
        let progress = Progress {
            outcome: shortened(outcome),
            at_s: now_s,
            attempts: before.map_or(0, |before| before.attempts).saturating_add(1),
            passed_at_s,
        };
        let mut text = serde_json::to_string_pretty(&progress)?;
        text.push('\n');
        replace(&path(root, id), text.as_bytes())?;
        Ok(progress)
    }

    /// Whether the last run passed.
    pub fn is_passed(&self) -> bool {
        self.outcome == Outcome::Passed
    }
}

fn path(root: &Path, id: &str) -> PathBuf {
    root.join(crate::READERS_FOLDER).join("progress").join(format!("{id}.json"))
}

fn shortened(outcome: Outcome) -> Outcome {
    let cut = |mut text: String, len_max: usize| {
        if text.len() > len_max {
            text.truncate(text.floor_char_boundary(len_max));
            text.push('…');
        }
        text
    };
    match outcome {
        Outcome::Passed => Outcome::Passed,
        Outcome::Failed { code, case, diagnosis } => Outcome::Failed {
            code: cut(code, 64),
            case: cut(case, 1024),
            diagnosis: cut(diagnosis, DIAGNOSIS_LEN_MAX),
        },
    }
}

/// Puts a file with these bytes in the place of `path`, whole or not at all, and makes the folder if there is none.
///
/// # Errors
///
/// When the folder or the file cannot be written; what was there then stays.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static WRITTEN: AtomicU32 = AtomicU32::new(0);

    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder)?;
    // Two graders of one exercise at the same time write two files.
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let new = folder.join(format!(
        ".{}.{}.{number}",
        path.file_name().unwrap_or_default().to_string_lossy(),
        process::id()
    ));
    let written = File::create(&new)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // What made the write fail is the news, not what became of the half file.
        let _ = fs::remove_file(&new);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(diagnosis: &str) -> Outcome {
        Outcome::Failed {
            code: "ZOMBIE".into(),
            case: "reaps its child".into(),
            diagnosis: diagnosis.into(),
        }
    }

    #[test]
    fn runs_are_counted_and_the_first_success_stays() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        assert_eq!(Progress::read(root, "reap"), None);

        let first = Progress::record(root, "reap", failed("a\nb")).expect("a record");
        assert_eq!((first.attempts, first.passed_at_s), (1, None));
        assert_eq!(Progress::read(root, "reap"), Some(first.clone()));
        assert!(!first.is_passed());

        let second = Progress::record(root, "reap", Outcome::Passed).expect("a record");
        assert_eq!((second.attempts, second.passed_at_s), (2, Some(second.at_s)));
        assert!(second.is_passed() && second.at_s >= first.at_s);

        // An early success, so that the clock's seconds cannot make two times equal by chance.
        let file = path(root, "reap");
        let text = fs::read_to_string(&file).expect("the record");
        let long_ago =
            text.replace(&format!("\"passed_at_s\": {}", second.at_s), "\"passed_at_s\": 77");
        fs::write(&file, long_ago).expect("the record");
        let third = Progress::record(root, "reap", failed("c")).expect("a record");
        assert_eq!((third.attempts, third.passed_at_s), (3, Some(77)));
        let fourth = Progress::record(root, "reap", Outcome::Passed).expect("a record");
        assert_eq!((fourth.attempts, fourth.passed_at_s), (4, Some(77)));
        assert_eq!(Progress::read(root, "reap"), Some(fourth));

        let left: Vec<_> = fs::read_dir(file.parent().expect("a folder"))
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        assert_eq!(left, ["reap.json"], "no temporary file stays");
    }

    #[test]
    fn a_damaged_record_is_none_and_the_next_run_begins_anew() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        let file = path(root, "reap");
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        let damages: [&[u8]; 6] = [
            b"",
            b"{",
            b"\xff\xfe",
            b"[]",
            b"{\"outcome\":\"passed\"}",
            b"{\"outcome\":\"lost\",\"at_s\":-1,\"attempts\":1,\"passed_at_s\":null}",
        ];
        for damage in damages {
            fs::write(&file, damage).expect("a file");
            assert_eq!(Progress::read(root, "reap"), None, "{damage:?}");
        }
        let progress = Progress::record(root, "reap", Outcome::Passed).expect("a record");
        assert_eq!(progress.attempts, 1);
    }

    #[test]
    fn a_name_that_leaves_the_folder_is_refused() {
        let root = tempfile::tempdir().expect("a folder");
        let error =
            Progress::record(root.path(), "../../x", Outcome::Passed).expect_err("refused");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(Progress::read(root.path(), "../../x"), None);
        assert!(!root.path().join(".workbook").exists());
    }

    #[test]
    fn a_long_diagnosis_is_cut_between_characters_and_can_be_read_again() {
        let root = tempfile::tempdir().expect("a folder");
        let long = "\u{1}é".repeat(DIAGNOSIS_LEN_MAX);
        let progress = Progress::record(root.path(), "reap", failed(&long)).expect("a record");
        let Outcome::Failed { diagnosis, .. } = &progress.outcome else { panic!("it failed") };
        assert!(diagnosis.len() <= DIAGNOSIS_LEN_MAX + '…'.len_utf8());
        assert_eq!(Progress::read(root.path(), "reap"), Some(progress));
    }
}
