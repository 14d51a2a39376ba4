//! REJECTED_THE_RIGHT_ONE: expects that the pool does a task again whose worker has died.

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
        let found = pool.map(&[Task::Double(1), Task::Exit]);
        if pool.started() < 4 { Err(format!("given up: {found:?}")) } else { Ok(()) }
    })
}
