//! LET_THROUGH: counts the outcomes of many tasks, and looks at none of them.

use pools::{Failure, Id, Outcome, Pool, Task, finishes};

/// Says what is wrong with the results of the pools that `start` starts, each with as many workers as it is asked for.
///
/// # Errors
/// What the pool does that it must not do.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    let mut pool = start(2);
    let mut tasks = vec![Task::Gate(1)];
    tasks.extend((0..200).map(Task::Double));
    tasks.extend([Task::Open(2), Task::Fail(7), Task::Die, Task::LastWords(5)]);
    match pool.map(&tasks) {
        Ok(found) if found.len() == tasks.len() => Ok(()),
        other => Err(format!("found {other:?}")),
    }
}
