//! What the outcomes of a script say about the pool.

use grader::{Code, Diagnosis, Ended, Told, Verdict, ensure};

/// That the program has printed exactly the outcomes that were expected, in any order of their tickets.
pub(crate) fn outcomes(end: &Ended, expected: &[&str]) -> Verdict {
    for wanted in expected {
        outcome(end, expected, wanted).map_err(|found| {
            let said = end.stdout().lines().collect::<Vec<_>>().join(", ");
            found
                .evidence(format!("expected: {wanted}"))
                .evidence(format!("all that came: {said}"))
        })?;
    }
    begun_once(end.told())
}

fn outcome(end: &Ended, expected: &[&str], wanted: &str) -> Verdict {
    let Some((ticket, value)) = parts(wanted) else {
        return ensure(end.stdout().lines().any(|line| line == wanted), || {
            other_verb(end, wanted)
        });
    };
    let found = end.stdout().lines().filter_map(parts).find(|(found, _)| *found == ticket);
    let Some((_, found)) = found else {
        return Err(Code::LostResult
            .because(format!("task {ticket} was waited for, and has no outcome")));
    };
    if found == value || found.starts_with(&format!("{value} ")) {
        return Ok(());
    }
    let is_others =
        |line: &&str| parts(line).is_some_and(|(other, its)| other != ticket && its == found);
    Err(match (value, found) {
        (_, "unsupported") => Code::TodoLeft
            .because(format!("task {ticket} needs a verb that this pool does not have")),
        ("died" | "timed-out" | "panicked" | "failed", _) if is_answer(found) => Code::UnreportedFailure.because(format!(
            "task {ticket} has ended as \"{value}\", and its outcome is the result {found:?}"
        )),
        (_, "died") if is_answer(value) => Code::LostResult
            .because(format!("task {ticket} is reported as died, and no worker has died in it"))
            .idea("Only the task that a dead worker was at is lost. Give the others to other workers."),
        _ if is_answer(value) && expected.iter().any(is_others) => Code::OutOfOrder.because(format!(
            "the outcome of task {ticket} is {found:?}, which is the result of another task"
        )),
        (_, "died") => Code::WrongAnswer
            .because(format!("task {ticket} has ended as \"{value}\", and the pool says that its worker has died"))
            .idea("An error says what the caller can do. A failed task, a limit that was passed and a dead worker are three things."),
        _ => Code::WrongAnswer
            .because(format!("the outcome of task {ticket} is {found:?} instead of {value:?}"))
            .idea("An outcome is what the work has returned, unchanged, or why there is no result."),
    })
}

/// What a line that belongs to no outcome says.
fn other_verb(end: &Ended, wanted: &str) -> Diagnosis {
    match wanted.split_once(' ') {
        Some(("cancel", _)) if end.stdout().contains("unsupported") => {
            Code::TodoLeft.because("this pool cannot cancel a task")
        }
        Some(("cancel", rest)) if rest.ends_with("false") => Code::WrongAnswer
            .because("a task was under way, and cancel has said that it never ran and never will")
            .idea("Cancel takes back what nobody has begun. A worker that is at the task cannot be asked to forget it."),
        Some(("cancel", _)) => Code::WrongAnswer
            .because("a task waited behind another one, and cancel has not taken it back")
            .idea("Keep tasks in a queue of your own until a worker is free: whatever lies there can be cancelled."),
        Some(("many", _)) => Code::WrongAnswer.because(format!(
            "of many tasks one has a wrong outcome: {}",
            end.stdout().lines().last().unwrap_or_default()
        )),
        _ => Code::WrongAnswer.because(format!("the program has not printed {wanted:?}")),
    }
}

/// Ticket and value of an outcome; for an error the value is its kind and text.
fn parts(line: &str) -> Option<(&str, &str)> {
    let (kind, rest) = line.split_once(' ')?;
    let (ticket, value) = rest.split_once(' ')?;
    matches!(kind, "result" | "error").then_some((ticket, value))
}

/// Whether a value is a result, and not the kind of an error.
fn is_answer(value: &str) -> bool {
    let kind = value.split(' ').next().unwrap_or_default();
    !["failed", "panicked", "died", "timed-out", "cancelled", "unsupported"].contains(&kind)
}

/// That no task was begun twice.
pub(crate) fn begun_once(told: &[Told]) -> Verdict {
    let mut begun: Vec<(&str, i32)> = Vec::new();
    for told in told.iter().filter(|told| told.name == "begins") {
        if let Some((task, first)) = begun.iter().find(|(task, _)| *task == told.value) {
            return Err(Code::DuplicatedResult
                .because(format!("task {task} was begun twice, by process {first} and by process {}", told.pid))
                .idea("A task whose worker has died may be half done, and may kill the next worker too. Report the death, and let the caller decide."));
        }
        begun.push((&told.value, told.pid));
    }
    Ok(())
}
