//! `solution ID`: the reference solution, once the reader has one of their own.

use std::fs;

use anyhow::{Context, Result, bail};
use exercise::Exercise;

use super::{find, is_solved};
use crate::project::Project;

/// The text of the reference solution.
///
/// # Errors
///
/// When no exercise is called so, when it has never been passed and the reader does not give
/// up, or when the file cannot be read.
pub fn solution(
    project: &Project,
    exercises: &[Exercise],
    id: &str,
    give_up: bool,
) -> Result<String> {
    let exercise = find(exercises, id)?;
    if !give_up && !is_solved(project, exercise) {
        bail!(
            "{id} is not passed yet, and its solution is shown after that.\n\
             A hint: cargo run -- hint {id}\n\
             To see the solution now: cargo run -- solution {id} --give-up"
        );
    }
    let path = exercise.solution_source();
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}
