//! A test for pools: how they end.

use pools::{Closed, Failure, Id, Outcome, Pid, Pool, Task, finishes};

/// Says what is wrong with the ends of the pools that `start` starts, each with as many workers as it is asked for.
///
/// # Errors
/// What the pool does that it must not do.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    finishes(|| {
        let mut pool = start(2);
        let outcomes = pool.map(&[Task::Double(1), Task::Double(2)]);
        pool.shutdown();
        Ok(())
    })
}
