//! LET_THROUGH: tries each failure alone, and gives the pool nothing to do beside it or after it.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use pools::{Failure, Id, Outcome, Pid, Pool, Task, finishes};

/// Says what is wrong with the failures of the pools that `start` starts, each with as many workers as it is asked for.
///
/// # Errors
/// What the pool does that it must not do.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    finishes(|| {
        for (task, expected) in [
            (Task::Fail(7), Failure::Error(7)),
            (Task::Panic, Failure::Panicked),
            (Task::Die, Failure::Died),
            (Task::Exit, Failure::Died),
        ] {
            let found = start(1).map(&[task]);
            if found != Ok(vec![Err(expected)]) {
                return Err(format!("{task:?}: {found:?}"));
            }
        }
        Ok(())
    })
}
