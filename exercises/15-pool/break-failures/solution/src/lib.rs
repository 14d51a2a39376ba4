//! A test for pools: what a failure costs, and whom.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use pools::{Failure, Id, Pool, Task, finishes};

/// Says what is wrong with the failures of the pools that `start` starts, each with as many workers as it is asked for.
///
/// # Errors
/// What the pool does that it must not do.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    finishes(|| {
        in_one_worker(start(1))?;
        beside_another(start(2))?;
        while_idle(start(1))?;
        late(start(1))?;
        in_time(start(1))
    })
}

/// Each failure costs its task and no other one, and a new worker only if the old one is dead.
fn in_one_worker(mut pool: Pool) -> Result<(), String> {
    let tasks = [Task::Panic, Task::Exit, Task::Die, Task::Double(1), Task::Double(2)];
    let expected =
        vec![Err(Failure::Panicked), Err(Failure::Died), Err(Failure::Died), Ok(2), Ok(4)];
    same("outcomes", Ok(expected), pool.map(&tasks))?;
    same("workers", 1, pool.pids().len())?;
    same("workers started in all", 3, pool.started())
}

/// A death is reported of the task of the dead worker, and not of another one that runs.
fn beside_another(mut pool: Pool) -> Result<(), String> {
    submit(&mut pool, Task::Gate(1), None)?;
    submit(&mut pool, Task::Die, None)?;
    same("the first outcome", Some((Id(1), Err(Failure::Died))), pool.next())?;
    pool.open_gate();
    same("the second outcome", Some((Id(0), Ok(1))), pool.next())
}

/// A worker that dies without a task costs none.
fn while_idle(mut pool: Pool) -> Result<(), String> {
    let worker = pool.pids()[0];
    kill(worker, Signal::SIGKILL).map_err(|error| error.to_string())?;
    same("after a death between two tasks", Ok(vec![Ok(2)]), pool.map(&[Task::Double(1)]))
}

/// A task whose time is over is reported, and its process is gone.
fn late(mut pool: Pool) -> Result<(), String> {
    submit(&mut pool, Task::Hang, Some(LIMIT))?;
    pool.pass_time(2 * LIMIT);
    same("an outcome", Some((Id(0), Err(Failure::TimedOut))), pool.next())?;
    let children = wait::children().map_err(|error| error.to_string())?;
    same("children", pool.pids(), children)
}

/// The time of a task is its own: it begins when the task does, and ends with it.
fn in_time(mut pool: Pool) -> Result<(), String> {
    submit(&mut pool, Task::Double(1), Some(LIMIT))?;
    same("an outcome in time", Some((Id(0), Ok(2))), pool.next())?;
    submit(&mut pool, Task::Gate(3), None)?;
    submit(&mut pool, Task::Double(2), Some(LIMIT))?;
    pool.pass_time(2 * LIMIT);
    pool.open_gate();
    same("one without a limit", Some((Id(1), Ok(3))), pool.next())?;
    same("one that has waited", Some((Id(2), Ok(4))), pool.next())
}

/// Longer than anything here takes, on any machine.
const LIMIT: Duration = Duration::from_secs(3600);

fn submit(pool: &mut Pool, task: Task, limit: Option<Duration>) -> Result<Id, String> {
    let taken = match limit {
        Some(limit) => pool.submit_with_limit(task, limit),
        None => pool.submit(task),
    };
    taken.map_err(|closed| closed.to_string())
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
