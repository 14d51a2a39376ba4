//! `reset ID`: the starter in the place of the reader's file, which is kept.
//!
//! Invariant: what the reader has written is never lost. The copy is complete before the file is
//! replaced, and has a name that no earlier copy has.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use exercise::Exercise;

use super::{find, is_solved, readers_folder, source};
use crate::project::Project;

/// So many copies can be made in one second.
const COPIES_PER_SECOND_MAX: u32 = 100;

/// Puts the starter back and says what was kept where.
///
/// # Errors
///
/// When no exercise is called so, or when one of the files cannot be read or written. The
/// reader's file then is as it was.
pub fn reset(project: &Project, exercises: &[Exercise], id: &str) -> Result<String> {
    let exercise = find(exercises, id)?;
    let starter_path = exercise.starter_source();
    let starter = fs::read(&starter_path)
        .with_context(|| format!("cannot read {}", starter_path.display()))?;
    let path = exercise.source();
    let own = match fs::read(&path) {
        Ok(own) => Some(own),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    let shown = source(project, exercise);
    let shown = shown.display();
    if own.as_ref() == Some(&starter) {
        return Ok(format!("{shown} is the starter already; nothing was changed.\n"));
    }
    let mut text = String::new();
    if let Some(own) = own {
        let folder = readers_folder(project, "kept").join(&exercise.id);
        let kept = keep(&folder, SystemTime::now(), &own)
            .with_context(|| format!("cannot keep your file in {}", folder.display()))?;
        text += &format!("Your file is kept as {}\n", project.relative(&kept).display());
    }
    exercise::replace(&path, &starter)
        .with_context(|| format!("cannot write {}", path.display()))?;
    text += &format!("{shown} is the starter again.\n");
    if is_solved(project, exercise) {
        text += &format!("{id} stays ticked: it was passed once.\n");
    }
    Ok(text)
}

/// Writes the bytes to a new file in `folder` that is called after the time.
fn keep(folder: &Path, now: SystemTime, bytes: &[u8]) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    // Colons cannot stand in a file's name everywhere.
    let time = humantime::format_rfc3339_seconds(now).to_string().replace(':', "-");
    for number in 1..=COPIES_PER_SECOND_MAX {
        let name = if number == 1 {
            format!("{time}-lib.rs")
        } else {
            format!("{time}-{number}-lib.rs")
        };
        let path = folder.join(name);
        match File::create_new(&path) {
            Ok(mut file) => {
                file.write_all(bytes)?;
                file.sync_all()?;
                return Ok(path);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(ErrorKind::AlreadyExists, "too many copies in one second: try again"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_copy_overwrites_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let names = ["2023-11-14T22-13-20Z-lib.rs", "2023-11-14T22-13-20Z-2-lib.rs"];
        for (name, text) in names.into_iter().zip(["one", "two"]) {
            let path = keep(folder.path(), now, text.as_bytes()).expect("a copy");
            assert_eq!(path, folder.path().join(name));
        }
        for (name, text) in names.into_iter().zip(["one", "two"]) {
            assert_eq!(fs::read_to_string(folder.path().join(name)).expect("a copy"), text);
        }
    }
}
