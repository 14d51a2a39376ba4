//! A test for pools: whether each task has exactly one outcome, and its own.

use pools::{Failure, Outcome, Pool, Task, finishes};

/// Says what is wrong with the results of the pools that `start` starts, each with as many workers as it is asked for.
///
/// # Errors
/// What the pool does that it must not do.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    finishes(|| {
        let mut pool = start(2);
        is_own(&mut pool, &many())?;
        is_own(&mut pool, &failing())
    })
}

/// The first one ends last: the last one lets it on. The numbers in between are zero, small and large.
fn many() -> Vec<(Task, Outcome)> {
    let mut tasks = vec![(Task::Gate(1), Ok(1))];
    tasks.extend((0..200).map(|number| (Task::Double(number << 26), Ok(number << 27))));
    tasks.push((Task::Open(2), Ok(2)));
    tasks
}

/// Every way to fail, and two errors that differ.
fn failing() -> Vec<(Task, Outcome)> {
    vec![
        (Task::Fail(7), Err(Failure::Error(7))),
        (Task::Fail(8), Err(Failure::Error(8))),
        (Task::Die, Err(Failure::Died)),
        (Task::LastWords(5), Ok(5)),
        (Task::Panic, Err(Failure::Panicked)),
        (Task::Double(3), Ok(6)),
    ]
}

/// That map gives each task its outcome, and no more.
fn is_own(pool: &mut Pool, tasks: &[(Task, Outcome)]) -> Result<(), String> {
    let (tasks, expected): (Vec<Task>, Vec<Outcome>) = tasks.iter().copied().unzip();
    let found = pool.map(&tasks).map_err(|closed| closed.to_string())?;
    for (task, (expected, found)) in tasks.iter().zip(expected.iter().zip(&found)) {
        if expected != found {
            return Err(format!("{task:?} has the outcome {found:?}, not {expected:?}"));
        }
    }
    if found.len() == expected.len() {
        Ok(())
    } else {
        Err(format!("{} tasks have {} outcomes", expected.len(), found.len()))
    }
}
