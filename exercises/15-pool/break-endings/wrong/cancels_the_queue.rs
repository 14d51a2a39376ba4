//! REJECTED_THE_RIGHT_ONE: expects of shutdown what abort does.

use pools::{Closed, Failure, Id, Outcome, Pid, Pool, Task, finishes};

/// Says what is wrong with the ends of the pools that `start` starts, each with as many workers as it is asked for.
///
/// # Errors
/// What the pool does that it must not do.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    finishes(|| {
        let mut pool = start(1);
        for number in 0..3 {
            pool.submit(Task::Double(number)).map_err(|closed| closed.to_string())?;
        }
        pool.shutdown();
        let mut outcomes: Vec<_> = std::iter::from_fn(|| pool.next()).collect();
        outcomes.sort_by_key(|(id, _)| *id);
        match outcomes[..] {
            [_, (_, Err(Failure::Cancelled)), (_, Err(Failure::Cancelled))] => Ok(()),
            _ => Err(format!("{outcomes:?}")),
        }
    })
}
