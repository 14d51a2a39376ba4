//! REJECTED_THE_RIGHT_ONE: expects a new worker after every failure, also after a panic.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use pools::{Failure, Id, Outcome, Pid, Pool, Task, finishes};

/// Says what is wrong with the failures of the pools that `start` starts, each with as many workers as it is asked for.
///
/// # Errors
/// What the pool does that it must not do.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    finishes(|| {
        let mut pool = start(1);
        let before = pool.pids();
        let found = pool.map(&[Task::Panic, Task::Double(1)]);
        if found != Ok(vec![Err(Failure::Panicked), Ok(2)]) || pool.pids() == before {
            return Err("the worker was not replaced".to_owned());
        }
        Ok(())
    })
}
