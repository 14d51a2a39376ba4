//! STUCK: calls shutdown and looks afterwards, and does not think that it may never return.

use pools::{Closed, Failure, Id, Outcome, Pid, Pool, Task, finishes};

/// Says what is wrong with the ends of the pools that `start` starts, each with as many workers as it is asked for.
///
/// # Errors
/// What the pool does that it must not do.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    let mut pool = start(2);
    pool.shutdown();
    let left = wait::children().map_err(|error| error.to_string())?;
    if left.is_empty() { Ok(()) } else { Err(format!("{left:?} are left")) }
}
