//! REJECTED_THE_RIGHT_ONE: expects that the time of a task runs while it waits in the queue.

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
        let limit = Duration::from_secs(3600);
        pool.submit(Task::Gate(1)).map_err(|closed| closed.to_string())?;
        pool.submit_with_limit(Task::Double(1), limit).map_err(|closed| closed.to_string())?;
        pool.pass_time(2 * limit);
        pool.open_gate();
        match (pool.next(), pool.next()) {
            (Some((Id(0), Ok(1))), Some((Id(1), Err(Failure::TimedOut)))) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
}
