//! REJECTED_THE_RIGHT_ONE: expects that a task is done in the time in which it is usually done.

use std::time::{Duration, Instant};

use pools::{Failure, Id, Outcome, Pool, Task, finishes};

/// Says what is wrong with the results of the pools that `start` starts, each with as many workers as it is asked for.
///
/// # Errors
/// What the pool does that it must not do.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    let mut pool = start(2);
    let begun = Instant::now();
    let found = pool.map(&[Task::Double(1), Task::Double(2)]);
    if begun.elapsed() > Duration::from_millis(10) {
        return Err("a result was lost, and came too late".to_owned());
    }
    if found != Ok(vec![Ok(2), Ok(4)]) {
        return Err(format!("found {found:?}"));
    }
    Ok(())
}
