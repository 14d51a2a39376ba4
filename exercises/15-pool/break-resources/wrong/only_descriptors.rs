//! LET_THROUGH: counts the parent's descriptors before and after, also with a death, and nothing else.

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
    let outcomes = pool.map(&[Task::Double(1), Task::Die, Task::Double(2)]);
    pool.shutdown();
    drop(pool);
    let after = count().map_err(|error| error.to_string())?;
    if before == after { Ok(()) } else { Err(format!("{before} and {after}")) }
}
