//! LET_THROUGH: shuts down, drops and aborts pools that have nothing to do.

use pools::{Closed, Failure, Id, Outcome, Pid, Pool, Task, finishes};

/// Says what is wrong with the ends of the pools that `start` starts, each with as many workers as it is asked for.
///
/// # Errors
/// What the pool does that it must not do.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    finishes(|| {
        let mut pool = start(2);
        pool.shutdown();
        pool.shutdown();
        if pool.submit(Task::Double(1)).is_ok() {
            return Err("it takes tasks".to_owned());
        }
        drop(pool);
        drop(start(2));
        start(2).abort();
        let left = wait::children().map_err(|error| error.to_string())?;
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?} are left")) }
    })
}
