//! LET_THROUGH: fetches all outcomes before it shuts down, so that nothing is lost.

use pools::{Closed, Failure, Id, Outcome, Pid, Pool, Task, finishes};

/// Says what is wrong with the ends of the pools that `start` starts, each with as many workers as it is asked for.
///
/// # Errors
/// What the pool does that it must not do.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    finishes(|| {
        let mut pool = start(2);
        for number in 0..10 {
            pool.submit(Task::Double(number)).map_err(|closed| closed.to_string())?;
        }
        let count = std::iter::from_fn(|| pool.next()).count();
        pool.shutdown();
        pool.shutdown();
        let left = wait::children().map_err(|error| error.to_string())?;
        if count != 10 || !left.is_empty() || pool.submit(Task::Double(1)).is_ok() {
            return Err(format!("{count} outcomes, {left:?} are left"));
        }
        let mut pool = start(1);
        let hang = pool.submit(Task::Hang).map_err(|closed| closed.to_string())?;
        pool.abort();
        if pool.next() == Some((hang, Err(Failure::Cancelled))) {
            Ok(())
        } else {
            Err("abort has said nothing".to_owned())
        }
    })
}
