//! A test for pools: what a failure costs, and whom.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use pools::{Failure, Id, Outcome, Pid, Pool, Task, finishes};

/// Says what is wrong with the failures of the pools that `start` starts, each with as many workers as it is asked for.
///
/// # Errors
/// What the pool does that it must not do.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    finishes(|| {
        let mut pool = start(2);
        match pool.map(&[Task::Fail(7), Task::Double(1)]) {
            Ok(found) if found == [Err(Failure::Error(7)), Ok(2)] => Ok(()),
            other => Err(format!("found {other:?}")),
        }
    })
}
