//! `hint ID`: one hint more at each call, from a nudge to nearly the answer.
//!
//! How many the reader has seen is the number in `.workbook/hints/ID`. A file that is damaged
//! counts as none: a hint twice does no harm.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result};
use exercise::Exercise;

use super::{find, readers_folder};
use crate::project::Project;

/// The text with the next hint, which then counts as seen, or with those seen already.
///
/// # Errors
///
/// When no exercise is called so, or the number cannot be written.
pub fn hint(
    project: &Project,
    exercises: &[Exercise],
    id: &str,
    again: bool,
) -> Result<String> {
    let exercise = find(exercises, id)?;
    let path = readers_folder(project, "hints").join(&exercise.id);
    let seen = fs::read_to_string(&path)
        .ok()
        .and_then(|number| number.trim().parse::<usize>().ok())
        .unwrap_or(0)
        .min(exercise.hints.len());
    if !again && seen < exercise.hints.len() {
        exercise::replace(&path, format!("{}\n", seen + 1).as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(text(exercise, seen, again))
}

fn text(exercise: &Exercise, seen: usize, again: bool) -> String {
    let id = &exercise.id;
    let count = exercise.hints.len();
    if count == 0 {
        return format!("{id} has no hints.\n");
    }
    if again && seen == 0 {
        return format!("You have seen no hint of {id} yet: cargo run -- hint {id}\n");
    }
    let all_seen = seen == count;
    let shown = if again || all_seen { 0..seen } else { seen..seen + 1 };
    let last = shown.end;
    let mut text = String::new();
    for index in shown {
        writeln!(text, "{id}: hint {} of {count}\n\n{}\n", index + 1, exercise.hints[index])
            .expect("a string takes every write");
    }
    if all_seen && !again {
        writeln!(text, "You had seen all hints of {id}; there are no more.")
    } else if last < count {
        writeln!(text, "The next one: cargo run -- hint {id}")
    } else {
        writeln!(text, "That was the last one.")
    }
    .expect("a string takes every write");
    text
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn exercise(hints: &[&str]) -> Exercise {
        Exercise {
            id: "reap".into(),
            title: String::new(),
            chapter: "03-wait".into(),
            kind: exercise::Kind::Write,
            minutes: 1,
            order: 1,
            section: String::new(),
            starter: String::new(),
            hints: hints.iter().map(|hint| (*hint).to_owned()).collect(),
            folder: PathBuf::new(),
        }
    }

    #[test]
    fn one_more_each_time_and_then_all() {
        let two = exercise(&["Look.", "Wait."]);
        assert_eq!(
            text(&two, 0, false),
            "reap: hint 1 of 2\n\nLook.\n\nThe next one: cargo run -- hint reap\n"
        );
        assert_eq!(
            text(&two, 1, false),
            "reap: hint 2 of 2\n\nWait.\n\nThat was the last one.\n"
        );
        assert_eq!(
            text(&two, 2, false),
            "reap: hint 1 of 2\n\nLook.\n\nreap: hint 2 of 2\n\nWait.\n\n\
             You had seen all hints of reap; there are no more.\n"
        );
    }

    #[test]
    fn again_shows_what_was_seen_and_no_more() {
        let two = exercise(&["Look.", "Wait."]);
        assert_eq!(
            text(&two, 0, true),
            "You have seen no hint of reap yet: cargo run -- hint reap\n"
        );
        assert_eq!(
            text(&two, 1, true),
            "reap: hint 1 of 2\n\nLook.\n\nThe next one: cargo run -- hint reap\n"
        );
        assert!(text(&two, 2, true).ends_with("Wait.\n\nThat was the last one.\n"));
        assert_eq!(text(&exercise(&[]), 0, false), "reap has no hints.\n");
    }
}
