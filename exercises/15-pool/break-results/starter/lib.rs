//! A test for pools: whether each task has exactly one outcome, and its own.

use pools::{Failure, Id, Outcome, Pool, Task, finishes};

/// Says what is wrong with the results of the pools that `start` starts, each with as many workers as it is asked for.
///
/// # Errors
/// What the pool does that it must not do.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    let mut pool = start(2);
    let outcomes = pool.map(&[Task::Double(1)]);
    Ok(())
}
