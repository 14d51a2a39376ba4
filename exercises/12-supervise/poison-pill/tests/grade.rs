//! Judges `poison-pill`: which tasks are answered, which are set aside, and how many workers each has cost.

use grader::{Case, Code, Diagnosis, Ended, Program, Verdict, ensure};

const CASES: &[Case] = &[
    ("a death without a begun task is nobody's fault", |program| {
        judge(program, &["a~", "b~", "c~", "d~", "e~", "f"])?;
        judge(program, &["a^", "b", "c"])
    }),
    ("a task at which a worker dies once is answered by the next one", |program| {
        judge(program, &["a", "b?", "c", "d?", "e?", "f?"])
    }),
    ("a task at which all die is set aside, and costs nobody else", |program| {
        judge(program, &["a", "b!", "c", "d", "e", "f"])
    }),
    ("so are several, however they take turns", |program| {
        judge(program, &["a!", "b!", "c", "d!", "e!", "f"])
    }),
];

/// A task is set aside after so many deaths.
const DEATHS_MAX: usize = 3;

fn judge(program: &Program, tasks: &[&str]) -> Verdict {
    let end = program.args(tasks).run()?;
    let times = |what: &str, task: &str| {
        end.values(what).iter().filter(|value| **value == task).count()
    };
    for task in tasks {
        let deaths = times("died at", task);
        ensure(deaths <= DEATHS_MAX, || {
            shown(
                Code::RestartStorm.because(format!(
                    "{deaths} workers have died at task {task}, where {DEATHS_MAX} deaths are enough to set it aside.\n\
                     It would go on like this for ever"
                )),
                &end,
            )
            .idea("Each task has its own count of the workers that have died at it. At the limit the task leaves the queue.")
        })?;
    }
    for task in tasks {
        let (answered, aside) = (times("answered", task), times("set aside", task));
        let deaths = times("died at", task);
        let found = |code: Code, story: String| Err(shown(code.because(story), &end));
        match (answered, aside) {
            (1, 0) => {}
            (0, 1) if deaths == DEATHS_MAX => {}
            (0, 1) => {
                let at_it = match deaths {
                    0 => "no worker has died at it".to_owned(),
                    _ => format!("{deaths} of {DEATHS_MAX} workers have died at it"),
                };
                return Err(shown(
                    Code::LostResult.because(format!("task {task} was set aside, and {at_it}")),
                    &end,
                )
                .idea("A death speaks against the task that the worker had begun, and against no other. What was only sent goes to the next worker."));
            }
            (0, 0) if deaths == DEATHS_MAX => {
                return found(
                    Code::UnreportedFailure,
                    format!(
                        "task {task} has killed {deaths} workers. It is gone from the queue, and is not among those set aside"
                    ),
                );
            }
            (0, 0) => {
                return found(
                    Code::LostResult,
                    format!(
                        "task {task} is neither answered nor set aside: a worker has died that had it, and nobody else got it"
                    ),
                );
            }
            _ => {
                return found(
                    Code::DuplicatedResult,
                    format!(
                        "task {task} was answered {answered} times and set aside {aside} times"
                    ),
                );
            }
        }
    }
    Ok(())
}

/// With what has happened, a line each.
fn shown(found: Diagnosis, end: &Ended) -> Diagnosis {
    let lines: Vec<&str> = end.stdout().lines().collect();
    let (first, last) = lines.split_at(lines.len().min(8));
    let found = first.iter().fold(found, |found, line| found.evidence(*line));
    match last.last() {
        Some(line) => found.evidence(format!("... and at the end: {line}")),
        None => found,
    }
}

grader::main!(CASES);
