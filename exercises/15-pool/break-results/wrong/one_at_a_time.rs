//! LET_THROUGH: tries every kind of task, and each with a pool of its own, so that nothing can be mixed up.

use pools::{Failure, Id, Outcome, Pool, Task, finishes};

/// Says what is wrong with the results of the pools that `start` starts, each with as many workers as it is asked for.
///
/// # Errors
/// What the pool does that it must not do.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    let tasks = [
        (Task::Double(0), Ok(0)),
        (Task::Double(1 << 40), Ok(1 << 41)),
        (Task::Fail(7), Err(Failure::Error(7))),
        (Task::Panic, Err(Failure::Panicked)),
        (Task::Die, Err(Failure::Died)),
        (Task::LastWords(5), Ok(5)),
    ];
    for (task, expected) in tasks {
        let mut pool = start(1);
        pool.submit(task).map_err(|closed| closed.to_string())?;
        match pool.next() {
            Some((Id(0), found)) if found == expected && pool.next().is_none() => {}
            other => return Err(format!("{task:?}: {other:?}")),
        }
    }
    Ok(())
}
