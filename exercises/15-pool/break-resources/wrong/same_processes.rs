//! REJECTED_THE_RIGHT_ONE: expects the same processes after a death.

use std::fs;

use pools::{Failure, Id, Outcome, Pid, Pool, Task, finishes};
use process::Snapshot;

/// Says what the pools that `start` starts leave behind, each with as many workers as it is asked for.
///
/// # Errors
/// What is there and should not be.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    let mut pool = start(2);
    let before = wait::children().map_err(|error| error.to_string())?;
    let outcomes = pool.map(&[Task::Double(1), Task::Die, Task::Double(2)]);
    let after = wait::children().map_err(|error| error.to_string())?;
    if before == after { Ok(()) } else { Err(format!("{before:?} and {after:?}")) }
}
