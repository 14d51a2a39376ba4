//! STUCK: takes the time of a shutdown, and looks at it when the shutdown has returned.

use pools::{Closed, Failure, Id, Outcome, Pid, Pool, Task, finishes};

/// Says what is wrong with the ends of the pools that `start` starts, each with as many workers as it is asked for.
///
/// # Errors
/// What the pool does that it must not do.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    let mut pool = start(1);
    let id = pool.submit(Task::Double(1)).map_err(|closed| closed.to_string())?;
    let begun = std::time::Instant::now();
    pool.shutdown();
    if begun.elapsed() > std::time::Duration::from_secs(5) {
        return Err("the shutdown hangs".to_owned());
    }
    if pool.next() == Some((id, Ok(2))) { Ok(()) } else { Err("lost".to_owned()) }
}
