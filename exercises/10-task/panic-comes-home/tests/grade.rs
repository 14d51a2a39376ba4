//! Judges `panic-comes-home`: whether a worker outlives every panic, and its caller learns what it was and where.

use grader::{Case, Code, Diagnosis, Ended, Program, Verdict, ensure};

const CASES: &[Case] = &[
    ("a task that returns has its result", |program| judge(program, &["double"])),
    ("a panic with a text comes home, and the worker lives on", |program| {
        judge(program, &["text", "formatted", "row", "double"])
    }),
    ("so does one whose value is no text", |program| judge(program, &["number", "double"])),
    ("a panic that the task has caught itself is no news", |program| {
        judge(program, &["caught", "second", "double"])
    }),
    ("a value whose destructor panics harms nobody", |program| {
        judge(program, &["bomb", "chain", "double"])
    }),
];

/// What is to become of each task.
enum Outcome {
    Returns(&'static str),
    /// With this message, or with a value that is no text.
    Panics(Option<&'static str>),
}

use Outcome::{Panics, Returns};

fn outcome(task: &str) -> Outcome {
    match task {
        "double" => Returns("42"),
        "caught" => Returns("22"),
        "text" => Panics(Some("there is no such photo")),
        "formatted" => Panics(Some("photo 21 is damaged")),
        "row" => Panics(Some("the table has three rows")),
        "second" => Panics(Some("the second one")),
        _ => Panics(None),
    }
}

fn judge(program: &Program, tasks: &[&str]) -> Verdict {
    // Whether a panic is also printed is not judged here.
    let end = program.args(tasks).allow(Code::Panic).run()?;
    tasks.iter().try_for_each(|task| judge_one(&end, task))?;
    let ended = line(&end, "the worker ended: ").unwrap_or("not at all");
    ensure(ended == "exit code 0", || {
        Code::WrongAnswer
            .because(format!("all tasks are done, and the worker has ended: {ended}"))
    })
}

fn judge_one(end: &Ended, task: &str) -> Verdict {
    let result = line(end, &format!("{task} is "));
    let message = line(end, &format!("{task} panicked: "));
    if result.is_none() && message.is_none() {
        return Err(worker_gone(end, task));
    }
    match outcome(task) {
        Returns(expected) => ensure(result == Some(expected), || {
            Code::WrongAnswer
                .because(format!("the task \"{task}\" has returned {expected}, and its caller hears something else"))
                .evidence(heard(end, task))
        }),
        Panics(expected) => {
            ensure(result.is_none(), || {
                Code::UnreportedFailure
                    .because(format!(
                        "the task \"{task}\" has panicked, and its caller hears of a result"
                    ))
                    .evidence(heard(end, task))
            })?;
            let expected = expected.map(|text| format!("{text:?}"));
            ensure(expected.is_none() || message == expected.as_deref(), || {
                Code::UnreportedFailure
                    .because(format!("the task \"{task}\" has panicked, and its message does not reach the caller"))
                    .evidence(format!("expected: {}", expected.clone().unwrap_or_default()))
                    .evidence(format!("found:    {}", message.unwrap_or_default()))
                    .idea("A panic's value can be of any type. panic! with a plain text makes a &'static str of it, and with arguments a String.")
            })?;
            place(end, task)
        }
    }
}

/// That the place is that of the panic.
fn place(end: &Ended, task: &str) -> Verdict {
    let was = line(end, &format!("{task} was at ")).unwrap_or_default();
    let reports = line(end, &format!("{task} reports ")).unwrap_or("no place");
    ensure(reports == was || reports.starts_with(&format!("{was}:")), || {
        let found = if reports == "no place" {
            Code::UnreportedFailure
                .because(format!("the task \"{task}\" has panicked, and its caller does not hear where"))
                .idea("catch_unwind returns the panic's value, and no place. The hook is told the place, before anything is unwound.")
        } else {
            Code::WrongAnswer
                .because(format!("the task \"{task}\" has panicked, and its caller hears of another place"))
                .idea("Each panic calls the hook: one that the task catches itself, and one out of the destructor of another's value. The note of which one is it that you report?")
        };
        found.evidence(format!("expected: {was}")).evidence(format!("found:    {reports}"))
    })
}

/// The diagnosis of a worker that has ended in a task.
fn worker_gone(end: &Ended, task: &str) -> Diagnosis {
    let ended = line(end, "the worker ended: ").unwrap_or("not at all");
    let next = "neither this task nor the next has an answer";
    // Rust ends a process so if nobody catches a panic, or if one unwinds into another.
    let found = if ended == "exit code 101" || ended.contains("SIGABRT") {
        Code::Panic
            .because(format!("a panic has ended the worker in the task \"{task}\", {ended}: {next}"))
            .idea("Nothing may leave run but what it returns. So a panic is caught, and care is taken of its value: to drop it may panic as well, and so may a downcast that is taken for granted.")
    } else {
        Code::LostResult
            .because(format!("the worker has ended in the task \"{task}\", {ended}: {next}"))
            .idea("A worker is there for the next task as well. Nothing may leave run but what it returns.")
    };
    let errors: Vec<&str> = end.stderr().lines().collect();
    let at = errors.iter().rposition(|line| line.contains(" panicked at "));
    let last = at.map_or(&[][..], |at| &errors[at..]).iter().take(2);
    last.fold(found, |found, line| found.evidence(*line))
}

fn heard(end: &Ended, task: &str) -> String {
    let begin = format!("{task} ");
    let lines: Vec<&str> =
        end.stdout().lines().filter(|line| line.starts_with(&begin)).collect();
    lines.join("; ")
}

fn line<'a>(end: &'a Ended, begin: &str) -> Option<&'a str> {
    end.stdout().lines().find_map(|line| line.strip_prefix(begin))
}

grader::main!(CASES);
