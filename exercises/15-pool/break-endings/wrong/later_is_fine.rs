//! LET_THROUGH: gives workers time to end before it looks, and ends those that are left.

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
        pool.shutdown();
        std::thread::sleep(std::time::Duration::from_millis(50));
        for pid in wait::children().map_err(|error| error.to_string())? {
            let mut left = wait::Child::adopt(pid).map_err(|error| error.to_string())?;
            left.wait().map_err(|error| error.to_string())?;
        }
        match std::iter::from_fn(|| pool.next()).count() {
            10 => Ok(()),
            count => Err(format!("{count} outcomes")),
        }
    })
}
