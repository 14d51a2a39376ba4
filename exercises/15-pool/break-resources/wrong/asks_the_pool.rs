//! LET_THROUGH: asks the pool how many workers it has, and not the kernel.

use std::fs;

use pools::{Failure, Id, Outcome, Pid, Pool, Task, finishes};
use process::Snapshot;

/// Says what the pools that `start` starts leave behind, each with as many workers as it is asked for.
///
/// # Errors
/// What is there and should not be.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    let mut pool = start(2);
    let outcomes = pool.map(&[Task::Double(1); 40]);
    let outcomes = pool.map(&[Task::Die, Task::Double(2)]);
    if pool.pids().len() != 2 {
        return Err(format!("the pool has {:?}", pool.pids()));
    }
    pool.shutdown();
    if pool.pids().is_empty() { Ok(()) } else { Err("a worker is left".to_owned()) }
}
