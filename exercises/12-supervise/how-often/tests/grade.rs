//! Judges `how-often`: how often each task is begun and done, and what its caller is told, for each promise and each point
//! at which a worker can die.

use grader::{Case, Code, Diagnosis, Ended, Program, Verdict, ensure};

const CASES: &[Case] = &[
    ("tasks that were not begun are done by another worker", |program| {
        dies(
            program,
            "sent",
            [("at-most-once", "answered", 1, 1), ("at-least-once", "answered", 1, 1)],
        )
    }),
    ("a task that was begun is begun again only if that was promised", |program| {
        dies(
            program,
            "begun",
            [("at-most-once", "failed", 1, 0), ("at-least-once", "answered", 2, 1)],
        )
    }),
    ("so is a task that was done, and whose answer did not come", |program| {
        dies(
            program,
            "done",
            [("at-most-once", "failed", 1, 1), ("at-least-once", "answered", 2, 2)],
        )
    }),
    ("a task whose answer has come is done", |program| {
        dies(
            program,
            "answered",
            [("at-most-once", "answered", 1, 1), ("at-least-once", "answered", 1, 1)],
        )
    }),
    ("a task that kills each of its workers is given up", given_up),
];

/// By how many workers a task may be begun.
const WORKERS_MAX: usize = 3;

/// One worker dies at the point when it has task b. For each promise: what its caller is to be told, how often it is to be
/// begun, and how often it is done then.
fn dies(program: &Program, point: &str, expected: [(&str, &str, usize, usize); 2]) -> Verdict {
    for (promise, outcome, begun, done) in expected {
        let end = program.args([promise, point]).run()?;
        let b = Seen::of(&end, "b");
        let shown = |found: Diagnosis| b.shown(found, promise, point);
        neighbours(&end, promise, point)?;
        ensure(b.begun <= begun, || {
            shown(Code::DuplicatedResult.because(match (promise, point) {
                ("at-most-once", _) => format!(
                    "task b was promised to be begun at most once, and {} workers have begun it",
                    b.begun
                ),
                _ => "the answer of task b had arrived, and it was begun again".to_owned(),
            }))
            .idea("A task that was begun may be done, and nobody can know. So what was begun is begun again only if the caller has allowed it, and what is answered never.")
        })?;
        ensure(b.outcome == outcome, || {
            let (code, story) = match (outcome, point) {
                ("failed", _) => (
                    Code::UnreportedFailure,
                    "a worker has died at task b, and its caller is not told".to_owned(),
                ),
                (_, "sent") => (
                    Code::LostResult,
                    "task b had not been begun when its worker died, and it is not done by another one".to_owned(),
                ),
                (_, "answered") => (
                    Code::LostResult,
                    "the answer of task b had arrived when its worker died, and it does not count".to_owned(),
                ),
                _ => (
                    Code::LostResult,
                    format!("task b may be begun by up to {WORKERS_MAX} workers, and was given up after {}", b.begun),
                ),
            };
            shown(code.because(story))
        })?;
        // What the program does itself, so that the figures above are what they seem to be.
        ensure(b.done == done, || {
            shown(Code::WrongAnswer.because(format!("task b was to be done {done} times")))
        })?;
    }
    Ok(())
}

/// The tasks beside b, which no worker dies at: each has its answer, and was done once.
fn neighbours(end: &Ended, promise: &str, point: &str) -> Verdict {
    for name in ["a", "c", "d"] {
        let task = Seen::of(end, name);
        let shown = |found: Diagnosis| task.shown(found, promise, point);
        ensure(task.done <= 1, || {
            shown(Code::DuplicatedResult.because(format!(
                "task {name} has its answer from the first worker that had it, and was done {} times", task.done
            )))
        })?;
        ensure(task.outcome == "answered" && task.done == 1, || {
            let where_it_was = if name == "a" {
                "was answered before"
            } else {
                "waited in the pipe of the worker"
            };
            shown(Code::LostResult.because(format!(
                "the worker has died at task b. Task {name} {where_it_was}, and its caller is told that it has {}",
                task.outcome
            )))
            .idea("A worker had more tasks than the one that it was at. What it had not begun can be sent again under every promise.")
        })?;
    }
    Ok(())
}

fn given_up(program: &Program) -> Verdict {
    for (point, done) in [("begun", 0), ("done", WORKERS_MAX)] {
        let end = program.args(["at-least-once", point, "100"]).run()?;
        let b = Seen::of(&end, "b");
        let shown = |found: Diagnosis| b.shown(found, "at-least-once", point);
        ensure(b.begun <= WORKERS_MAX, || {
            shown(Code::RestartStorm.because(format!(
                "task b kills each worker that begins it. {} have begun it so far, where {WORKERS_MAX} are allowed",
                b.begun
            )))
            .idea("At least once needs a limit too: a task that kills two workers kills the third.")
        })?;
        ensure(b.begun == WORKERS_MAX && b.done == done, || {
            shown(Code::LostResult.because(format!(
                "task b may be begun by {WORKERS_MAX} workers, and was given up after {}",
                b.begun
            )))
        })?;
        ensure(b.outcome == "failed", || {
            shown(Code::UnreportedFailure.because(
                "all workers that have begun task b are dead, and its caller is not told",
            ))
        })?;
        neighbours(&end, "at-least-once", point)?;
    }
    Ok(())
}

/// What has become of a task.
struct Seen<'a> {
    name: &'a str,
    outcome: String,
    begun: usize,
    done: usize,
}

impl<'a> Seen<'a> {
    fn of(end: &Ended, name: &'a str) -> Seen<'a> {
        let times = |what: &str| end.values(what).iter().filter(|task| **task == name).count();
        Seen {
            name,
            outcome: end.values(&format!("outcome of {name}")).concat(),
            begun: times("begins"),
            done: times("does"),
        }
    }

    fn shown(&self, found: Diagnosis, promise: &str, point: &str) -> Diagnosis {
        let when = match point {
            "sent" => "it had taken task b from its pipe, and not said that it begins",
            "begun" => "it had said that it begins task b, and not done it",
            "done" => "it had done task b, and not answered",
            _ => "it had answered task b",
        };
        found.evidence(format!("promise: {promise}; the worker died when {when}")).evidence(
            format!(
                "task {}: begun {} times, done {} times, its caller is told: {}",
                self.name, self.begun, self.done, self.outcome
            ),
        )
    }
}

grader::main!(CASES);
