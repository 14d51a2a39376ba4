//! A test for pools: whether anything is left of what they have opened and started.

use std::fs;

use pools::{Failure, Id, Outcome, Pid, Pool, Task, finishes};
use process::Snapshot;

/// Says what the pools that `start` starts leave behind, each with as many workers as it is asked for.
///
/// # Errors
/// What is there and should not be.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    let mut pool = start(2);
    let outcomes = pool.map(&[Task::Double(1)]);
    pool.shutdown();
    Ok(())
}
