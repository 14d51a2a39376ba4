//! LET_THROUGH: asks whether failing tasks fail, and not which ones and how often.

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
        let tasks = [Task::Double(1), Task::Panic, Task::Die, Task::Exit, Task::Double(2)];
        let found = pool.map(&tasks).map_err(|closed| closed.to_string())?;
        if found.iter().any(Result::is_err) { Ok(()) } else { Err("no failure".to_owned()) }
    })
}
