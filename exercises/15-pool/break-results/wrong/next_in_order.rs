//! REJECTED_THE_RIGHT_ONE: expects that `next` gives the outcomes in the order of the tasks.

use pools::{Failure, Id, Outcome, Pool, Task, finishes};

/// Says what is wrong with the results of the pools that `start` starts, each with as many workers as it is asked for.
///
/// # Errors
/// What the pool does that it must not do.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    let mut pool = start(2);
    for number in 0..200 {
        pool.submit(Task::Double(number)).map_err(|closed| closed.to_string())?;
    }
    for number in 0..200 {
        let found = pool.next();
        if found != Some((Id(number), Ok(number * 2))) {
            return Err(format!("outcome {number}: {found:?}"));
        }
    }
    Ok(())
}
