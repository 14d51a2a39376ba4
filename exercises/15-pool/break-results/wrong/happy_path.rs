//! LET_THROUGH: maps a few tasks that work, as in the example of the manual.

use pools::{Failure, Id, Outcome, Pool, Task, finishes};

/// Says what is wrong with the results of the pools that `start` starts, each with as many workers as it is asked for.
///
/// # Errors
/// What the pool does that it must not do.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    let mut pool = start(4);
    let found = pool.map(&[Task::Double(1), Task::Double(2), Task::Double(3), Task::Double(4)]);
    match found {
        Ok(found) if found == [Ok(2), Ok(4), Ok(6), Ok(8)] => Ok(()),
        other => Err(format!("found {other:?}")),
    }
}
