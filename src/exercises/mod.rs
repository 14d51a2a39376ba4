//! The commands for exercises: grade one, watch the reader's files, give a hint, show the
//! solution, put the starter back.
//!
//! An exercise is judged by its own test program, which `cargo test` runs and which keeps the
//! record of the reader's progress. These commands only start it and read that record; none of
//! them writes it.
//!
//! ```text
//! grade, watch ─► run ─► cargo test -p ID ─► .workbook/progress/ID.json ─► list, solution
//! ```

pub mod grade;
pub mod hint;
pub mod reset;
mod run;
pub mod solution;
pub mod watch;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use exercise::{Exercise, Progress};

use crate::project::Project;
use crate::run::closest;

pub(crate) use run::block_on;

/// Every exercise of the project in the order in which a reader meets them.
///
/// # Errors
///
/// When an exercise's folder cannot be read or describes none, with its path.
pub fn read_all(project: &Project) -> Result<Vec<Exercise>> {
    exercise::read_all(project.root()).context("cannot read the exercises")
}

/// The exercise called `id`.
///
/// # Errors
///
/// When there is none; the message has the closest names.
pub fn find<'a>(exercises: &'a [Exercise], id: &str) -> Result<&'a Exercise> {
    Ok(&exercises[position(exercises, id)?])
}

fn position(exercises: &[Exercise], id: &str) -> Result<usize> {
    if let Some(position) = exercises.iter().position(|exercise| exercise.id == id) {
        return Ok(position);
    }
    let closest = closest(id, exercises.iter().map(|exercise| exercise.id.as_str()));
    let advice = if closest.is_empty() {
        String::new()
    } else {
        format!("\nDid you mean {}?", closest.join(" or "))
    };
    bail!("no exercise is called {id}.{advice}\nAll names: cargo run -- list");
}

/// Whether the exercise has been passed once. What is tried afterwards does not undo it.
pub fn is_solved(project: &Project, exercise: &Exercise) -> bool {
    Progress::read(project.root(), &exercise.id)
        .is_some_and(|progress| progress.passed_at_s.is_some())
}

/// The first exercise that is not solved, looking from `position` on and then from the start.
fn unsolved_from(project: &Project, exercises: &[Exercise], position: usize) -> Option<usize> {
    let count = exercises.len();
    (0..count)
        .map(|step| (position + step) % count)
        .find(|position| !is_solved(project, &exercises[*position]))
}

/// The reader's file as the reader would write it from the project's root.
fn source(project: &Project, exercise: &Exercise) -> PathBuf {
    project.relative(&exercise.source()).to_path_buf()
}

/// The folder `name` for what belongs to this reader.
fn readers_folder(project: &Project, name: &str) -> PathBuf {
    project.root().join(exercise::READERS_FOLDER).join(name)
}

/// Says on other systems than Linux that `what` cannot run there.
///
/// # Errors
///
/// On every other system.
pub(crate) fn needs_linux(what: &str) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("{what} cannot run here.\n{}", crate::NEEDS_LINUX);
    }
    Ok(())
}
