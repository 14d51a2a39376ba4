//! A test for pools: how they end.

use pools::{Closed, Failure, Id, Outcome, Pool, Task, finishes};

/// Says what is wrong with the ends of the pools that `start` starts, each with as many workers as it is asked for.
///
/// # Errors
/// What the pool does that it must not do.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    finishes(|| {
        idle(start(2))?;
        busy(start(1))?;
        dropped(start(2))?;
        aborted(start(1))
    })
}

/// A shutdown of workers that never had a task, and what may come after it.
fn idle(mut pool: Pool) -> Result<(), String> {
    pool.shutdown();
    nobody_is_left("shutdown")?;
    pool.shutdown();
    same("a task for a closed pool", Err(Closed), pool.submit(Task::Double(1)))
}

/// A shutdown with an outcome that nobody has fetched, a task at the worker, and two in the queue.
fn busy(mut pool: Pool) -> Result<(), String> {
    submit(&mut pool, Task::Double(1))?;
    let _ = pool.map(&[Task::Double(2)]);
    for number in 3..6 {
        submit(&mut pool, Task::Double(number))?;
    }
    pool.shutdown();
    nobody_is_left("shutdown")?;
    let expected = vec![(Id(0), Ok(2)), (Id(2), Ok(6)), (Id(3), Ok(8)), (Id(4), Ok(10))];
    same("outcomes after a shutdown", expected, fetched(&mut pool))
}

/// A pool that is dropped while a worker is at a task.
fn dropped(mut pool: Pool) -> Result<(), String> {
    submit(&mut pool, Task::Hang)?;
    drop(pool);
    nobody_is_left("drop")
}

/// An abort with a task at the worker, and one in the queue.
fn aborted(mut pool: Pool) -> Result<(), String> {
    submit(&mut pool, Task::Hang)?;
    submit(&mut pool, Task::Double(1))?;
    pool.abort();
    nobody_is_left("abort")?;
    let cancelled = Err(Failure::Cancelled);
    let expected = vec![(Id(0), cancelled), (Id(1), cancelled)];
    same("outcomes after an abort", expected, fetched(&mut pool))
}

fn submit(pool: &mut Pool, task: Task) -> Result<Id, String> {
    pool.submit(task).map_err(|closed| closed.to_string())
}

/// All outcomes, in the order of the tasks.
fn fetched(pool: &mut Pool) -> Vec<(Id, Outcome)> {
    let mut outcomes: Vec<_> = std::iter::from_fn(|| pool.next()).collect();
    outcomes.sort_by_key(|(id, _)| *id);
    outcomes
}

fn nobody_is_left(by: &str) -> Result<(), String> {
    let left = wait::children().map_err(|error| error.to_string())?;
    same(&format!("children that {by} has left"), Vec::new(), left)
}

fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: T,
    found: T,
) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    Err(format!("{what}: expected {expected:?}, found {found:?}"))
}
