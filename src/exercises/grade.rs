//! `grade [ID]`: the test of one exercise, or of all of them one after another with a summary.

use std::fmt::Write;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use anyhow::{Result, bail};
use exercise::{Exercise, Outcome, Progress};

use super::needs_linux;
use super::run::{Run, block_on};
use crate::interrupt;
use crate::output::print;
use crate::project::Project;

const TITLE: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();

/// How the test of one exercise went.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Grade {
    Passed,
    /// The grader's code.
    Failed(String),
    /// There is no diagnosis: the exercise did not come as far as the grader.
    NotGraded,
}

/// Grades the exercise `id`, or all of them. The exit status is 1 if one is not passed, and a
/// shell's status of an interrupted program after Ctrl-C.
///
/// # Errors
///
/// When no exercise is called so, or cargo cannot be started.
pub fn grade(project: &Project, exercises: &[Exercise], id: Option<&str>) -> Result<ExitCode> {
    let chosen = match id {
        Some(id) => std::slice::from_ref(super::find(exercises, id)?),
        None => exercises,
    };
    needs_linux("the grader")?;
    if chosen.is_empty() {
        bail!("this project has no exercises");
    }
    let grades = block_on(grade_each(project, chosen))?;
    let grades = match grades {
        Ok(grades) => grades,
        Err(status) => return Ok(ExitCode::from(status)),
    };
    if id.is_none() {
        print(&summary(chosen, &grades))?;
    }
    Ok(if grades.iter().all(|grade| *grade == Grade::Passed) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The grades in the order of the exercises, or the exit status after Ctrl-C.
async fn grade_each(
    project: &Project,
    exercises: &[Exercise],
) -> Result<Result<Vec<Grade>, u8>> {
    let mut interrupted = std::pin::pin!(interrupt::demanded());
    let mut grades = Vec::new();
    for (index, exercise) in exercises.iter().enumerate() {
        if exercises.len() > 1 {
            print(&format!(
                "\n{TITLE}{}{TITLE:#}  {} of {}: {}\n",
                exercise.id,
                index + 1,
                exercises.len(),
                exercise.title
            ))?;
        }
        let attempts_before = attempts(project, exercise);
        let mut run = Run::start(project, exercise)?;
        let status = tokio::select! {
            status = run.ended() => status?,
            demanded = &mut interrupted => {
                run.end().await?;
                return Ok(Err(demanded?));
            }
        };
        grades.push(match Progress::read(project.root(), &exercise.id) {
            _ if status.success() => Grade::Passed,
            Some(Progress { outcome: Outcome::Failed { code, .. }, attempts, .. })
                if attempts != attempts_before =>
            {
                Grade::Failed(code)
            }
            _ => Grade::NotGraded,
        });
    }
    Ok(Ok(grades))
}

fn attempts(project: &Project, exercise: &Exercise) -> u32 {
    Progress::read(project.root(), &exercise.id).map_or(0, |progress| progress.attempts)
}

fn summary(exercises: &[Exercise], grades: &[Grade]) -> String {
    let width = exercises.iter().map(|exercise| exercise.id.chars().count()).max().unwrap_or(0);
    let passed = grades.iter().filter(|grade| **grade == Grade::Passed).count();
    let mut text = String::from("\n");
    for (exercise, grade) in exercises.iter().zip(grades) {
        let padding = " ".repeat(width - exercise.id.chars().count());
        let (style, mark, result) = match grade {
            Grade::Passed => (GOOD, '✓', "passed"),
            Grade::Failed(code) => (BAD, '✗', code.as_str()),
            Grade::NotGraded => (BAD, '✗', "not graded: see the messages above"),
        };
        writeln!(text, "{style}{mark}{style:#} {}{padding}  {result}", exercise.id)
            .expect("a string takes every write");
    }
    writeln!(text, "{passed} of {} exercises passed.", exercises.len())
        .expect("a string takes every write");
    text
}
