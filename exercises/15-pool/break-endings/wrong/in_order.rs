//! REJECTED_THE_RIGHT_ONE: compares outcomes with the order of the tasks.

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
        for number in 0..10 {
            let found = pool.next();
            if found != Some((Id(number), Ok(2 * number))) {
                return Err(format!("outcome {number} is {found:?}"));
            }
        }
        Ok(())
    })
}
