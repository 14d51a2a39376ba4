//! REJECTED_THE_RIGHT_ONE: expects as many descriptors while the pool works as before it was started.

use std::fs;

use pools::{Failure, Id, Outcome, Pid, Pool, Task, finishes};
use process::Snapshot;

/// Says what the pools that `start` starts leave behind, each with as many workers as it is asked for.
///
/// # Errors
/// What is there and should not be.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    let count = || Snapshot::this().map(|own| own.descriptors.len());
    let before = count().map_err(|error| error.to_string())?;
    let mut pool = start(2);
    let outcomes = pool.map(&[Task::Double(1); 40]);
    let after = count().map_err(|error| error.to_string())?;
    if before == after { Ok(()) } else { Err(format!("{before} and {after}")) }
}
