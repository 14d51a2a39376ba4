//! LET_THROUGH: makes the first task the one with the largest number, so that it is done last.

use pools::{Failure, Id, Outcome, Pool, Task, finishes};

/// Says what is wrong with the results of the pools that `start` starts, each with as many workers as it is asked for.
///
/// # Errors
/// What the pool does that it must not do.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    finishes(|| {
        let mut pool = start(1);
        let tasks: Vec<Task> =
            (0..200).rev().map(|number| Task::Double(number << 40)).collect();
        let expected: Vec<Outcome> = (0..200).rev().map(|number| Ok(number << 41)).collect();
        let failing = [Task::Fail(7), Task::Fail(8), Task::Die, Task::LastWords(5)];
        let failed =
            [Err(Failure::Error(7)), Err(Failure::Error(8)), Err(Failure::Died), Ok(5)];
        if pool.map(&tasks) != Ok(expected) || pool.map(&failing) != Ok(failed.to_vec()) {
            return Err("an outcome is not that of its task".to_owned());
        }
        Ok(())
    })
}
