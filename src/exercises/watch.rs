//! `watch [ID]`: grades an exercise at each save of the reader's file.
//!
//! One loop waits for three things: a save, the end of the run, Ctrl-C. A save during a run ends
//! that run, for it judges a file that is out of date. When nobody reads the output any more,
//! the run that is under way is the last.

use std::fmt::Write;
use std::io::{self, IsTerminal};
use std::time::SystemTime;

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result, bail};
use exercise::Exercise;

use super::run::{Run, block_on};
use super::{is_solved, needs_linux, position, source, unsolved_from};
use crate::interrupt;
use crate::output::print;
use crate::project::Project;
use crate::watch::INTERVAL;

const TITLE: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();

/// Takes a terminal's text away and begins at its top, so that the newest diagnosis is all that
/// there is to read. What was there before stays in the terminal's history.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// Grades `id`, or the first exercise that is not solved, and then at each save the exercise
/// whose file was saved, until Ctrl-C.
///
/// # Errors
///
/// When no exercise is called so, or cargo cannot be started.
pub fn watch(project: &Project, exercises: &[Exercise], id: Option<&str>) -> Result<()> {
    let first = match id {
        Some(id) => Some(position(exercises, id)?),
        None => unsolved_from(project, exercises, 0),
    };
    needs_linux("the grader")?;
    if exercises.is_empty() {
        bail!("this project has no exercises");
    }
    block_on(grade_at_saves(project, exercises, first))
}

async fn grade_at_saves(
    project: &Project,
    exercises: &[Exercise],
    first: Option<usize>,
) -> Result<()> {
    let mut interrupted = std::pin::pin!(interrupt::demanded());
    let mut files = Files::look(exercises);
    let mut ticks = tokio::time::interval(INTERVAL);
    let mut running: Option<(usize, Run)> = None;
    match first {
        Some(index) => running = Some((index, begin(project, &exercises[index])?)),
        None => {
            print(&format!(
                "All {} exercises are solved. Save one to grade it again; Ctrl-C ends.\n",
                exercises.len()
            ))?;
        }
    }
    loop {
        let ended = async {
            match &mut running {
                Some((index, run)) => (*index, run.ended().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            (index, status) = ended => {
                running = None;
                if !print(&advice(project, exercises, index, status?.success()))? {
                    return Ok(());
                }
            }
            _ = ticks.tick() => {
                if let Some(index) = files.saved(exercises) {
                    if let Some((_, run)) = running.take() {
                        run.end().await?;
                    }
                    running = Some((index, begin(project, &exercises[index])?));
                }
            }
            demanded = &mut interrupted => {
                if let Some((_, run)) = running.take() {
                    run.end().await?;
                }
                return demanded.map(|_| ()).context("cannot wait for Ctrl-C");
            }
        }
    }
}

fn begin(project: &Project, exercise: &Exercise) -> Result<Run> {
    let clear = if io::stdout().is_terminal() { CLEAR } else { "" };
    print(&format!(
        "{clear}{TITLE}{}{TITLE:#}  {}  ({}, {} minutes)\n",
        exercise.id, exercise.title, exercise.kind, exercise.minutes
    ))?;
    Run::start(project, exercise)
}

/// How the run ended and what the reader can do next.
fn advice(project: &Project, exercises: &[Exercise], index: usize, passed: bool) -> String {
    let exercise = &exercises[index];
    if !passed {
        let source = source(project, exercise);
        return format!("\nEdit {} and save it. Ctrl-C ends.\n", source.display());
    }
    let solved = exercises.iter().filter(|exercise| is_solved(project, exercise)).count();
    let mut text = format!(
        "\n{GOOD}✓ {} is passed.{GOOD:#} {solved} of {} exercises solved.\n\
         The reference solution: cargo run -- solution {}\n",
        exercise.id,
        exercises.len(),
        exercise.id
    );
    match unsolved_from(project, exercises, index) {
        Some(next) if next != index => {
            let next = &exercises[next];
            writeln!(
                text,
                "Next is {TITLE}{}{TITLE:#}: {} ({}, {} minutes)\nEdit {} and save it. Ctrl-C ends.",
                next.id,
                next.title,
                next.kind,
                next.minutes,
                source(project, next).display()
            )
            .expect("a string takes every write");
        }
        _ => text.push_str("That was the last one. Ctrl-C ends.\n"),
    }
    text
}

/// When a file was last written, and its length in bytes.
type State = (Option<SystemTime>, u64);

/// The readers' files as they were last seen, in the order of the exercises.
struct Files(Vec<Option<State>>);

impl Files {
    fn look(exercises: &[Exercise]) -> Files {
        Files(exercises.iter().map(state).collect())
    }

    /// The exercise whose file has been saved since the last look; of several the one that was
    /// saved last. A file that is missing is being replaced by an editor, and is no save yet.
    fn saved(&mut self, exercises: &[Exercise]) -> Option<usize> {
        let mut newest: Option<(Option<SystemTime>, usize)> = None;
        for (index, (before, exercise)) in self.0.iter_mut().zip(exercises).enumerate() {
            let Some(now) = state(exercise) else { continue };
            if before.replace(now) != Some(now)
                && newest.is_none_or(|(written, _)| written < now.0)
            {
                newest = Some((now.0, index));
            }
        }
        newest.map(|(_, index)| index)
    }
}

fn state(exercise: &Exercise) -> Option<State> {
    let metadata = exercise.source().metadata().ok()?;
    Some((metadata.modified().ok(), metadata.len()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    fn write(exercise: &Exercise, text: &str, at_s: u64) {
        let path = exercise.source();
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        fs::File::options()
            .write(true)
            .open(path)
            .and_then(|file| {
                file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(at_s))
            })
            .expect("a time");
    }

    #[test]
    fn a_save_is_seen_once_and_the_latest_of_several_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let exercises: Vec<Exercise> = ["a", "b", "c"]
            .map(|id| Exercise {
                id: id.into(),
                title: String::new(),
                chapter: "01-one".into(),
                kind: exercise::Kind::Fill,
                minutes: 1,
                order: 1,
                section: String::new(),
                starter: String::new(),
                hints: Vec::new(),
                folder: folder.path().join(id),
            })
            .into();
        for exercise in &exercises {
            write(exercise, "one", 100);
        }
        let mut files = Files::look(&exercises);
        assert_eq!(files.saved(&exercises), None);

        write(&exercises[2], "two", 200);
        assert_eq!(files.saved(&exercises), Some(2));
        assert_eq!(files.saved(&exercises), None);

        write(&exercises[0], "two", 301);
        write(&exercises[1], "two", 300);
        assert_eq!(files.saved(&exercises), Some(0));
        assert_eq!(files.saved(&exercises), None);

        fs::remove_file(exercises[1].source()).expect("the file was there");
        assert_eq!(files.saved(&exercises), None);
        write(&exercises[1], "three", 300);
        assert_eq!(files.saved(&exercises), Some(1));
    }
}
