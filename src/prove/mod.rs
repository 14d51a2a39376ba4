//! `prove [ID]`: would the grader notice if the solution were wrong?
//!
//! cargo-mutants changes the solution in one place at a time, and each time runs the grader on
//! the result. A change that the grader lets pass is a survivor: it shows something that the task
//! demands and no case checks, or it is no change of behaviour at all. The second kind is listed
//! with its reason in the exercise's `equivalent.toml`; every other survivor is a hole.
//!
//! ```text
//! mutants (runs the tool) ─► outcomes (what it found) ─► verdict ◄─ equivalent.toml
//!                                                           └─► score.toml, which the book shows
//! ```
//!
//! The tool works on a copy of the project in a temporary folder, so the reader can go on.

pub mod equivalent;
mod install;
pub mod outcomes;
pub mod score;
mod tool;
pub mod verdict;

use std::process::ExitCode;

use anyhow::{Result, bail};
use exercise::Exercise;

use crate::exercises::{find, needs_linux};
use crate::output::print;
use crate::project::Project;
use equivalent::Equivalents;
use score::Scores;
use verdict::Verdict;

/// Proves the exercise `id`, or all of them, and writes their scores. The exit status is 1 if a
/// survivor is not listed as equivalent, or if an exercise could not be proved.
///
/// # Errors
///
/// When no exercise is called so, when cargo-mutants is missing and may not be installed, or
/// when the scores cannot be read or written.
pub fn prove(
    project: &Project,
    exercises: &[Exercise],
    id: Option<&str>,
    yes: bool,
) -> Result<ExitCode> {
    let chosen = match id {
        Some(id) => std::slice::from_ref(find(exercises, id)?),
        None => exercises,
    };
    needs_linux("the grader")?;
    if chosen.is_empty() {
        bail!("this project has no exercises");
    }
    install::ensure(yes)?;

    // A damaged file is told of now and not after an hour of work.
    Scores::read(project.root())?;
    let mut proved = Vec::new();
    let mut failed = Vec::new();
    for exercise in chosen {
        match prove_one(project, exercise) {
            Ok(verdict) => {
                Scores::update(project, exercises, &exercise.id, verdict.score())?;
                print(&format!("{}\n\n", verdict.line(&exercise.id)))?;
                proved.push((exercise.id.as_str(), verdict));
            }
            Err(error) => {
                anstream::eprintln!("error: {}: {error:#}\n", exercise.id);
                failed.push(exercise.id.as_str());
            }
        }
    }
    print(&verdict::summary(&proved))?;
    if !failed.is_empty() {
        print(&format!("Not proved: {}\n", failed.join(", ")))?;
    }
    print(&format!("The scores are in {}\n", score::FILE))?;
    let is_whole = failed.is_empty() && proved.iter().all(|(_, it)| it.survivors.is_empty());
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn prove_one(project: &Project, exercise: &Exercise) -> Result<Verdict> {
    let equivalents = Equivalents::read(&exercise.folder)?;
    print(&format!("{}: {}\n", exercise.id, exercise.title))?;
    let outcomes = tool::run(project, exercise)?;
    Ok(verdict::judge(&outcomes, &equivalents))
}
