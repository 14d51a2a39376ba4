//! LET_THROUGH: compares all outcomes, and looks neither at the workers nor at the clock.

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
        let tasks = [Task::Panic, Task::Exit, Task::Die, Task::Double(1), Task::Double(2)];
        let found = pool.map(&tasks).map_err(|closed| closed.to_string())?;
        let dead = Err(Failure::Died);
        if found != [Err(Failure::Panicked), dead, dead, Ok(2), Ok(4)] {
            return Err(format!("{found:?}"));
        }
        let mut pool = start(2);
        let limit = Duration::from_secs(3600);
        pool.submit_with_limit(Task::Hang, limit).map_err(|closed| closed.to_string())?;
        pool.pass_time(2 * limit);
        match pool.next() {
            Some((Id(0), Err(Failure::TimedOut))) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
}
