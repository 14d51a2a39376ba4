//! A test for pools: whether anything is left of what they have opened and started.

use std::fs;

use pools::{Pool, Task, finishes};
use process::Snapshot;

/// Says what the pools that `start` starts leave behind, each with as many workers as it is asked for.
///
/// # Errors
/// What is there and should not be.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    finishes(|| {
        let before = Held::now()?;
        let mut pool = start(2);
        work(&mut pool, &[Task::Double(1); 10])?;
        let (busy, workers) = (Held::now()?, in_workers(&pool)?);
        if workers.iter().any(|count| *count != workers[0]) {
            return Err(format!("the workers have {workers:?} descriptors"));
        }
        work(&mut pool, &[Task::Double(1); 40])?;
        same("50 tasks", &busy, &Held::now()?)?;
        same("50 tasks, in the workers", &workers, &in_workers(&pool)?)?;
        work(&mut pool, &[Task::Die, Task::Double(1)])?;
        same("a death", &busy, &Held::now()?)?;
        pool.shutdown();
        drop(pool);
        same("the end", &before, &Held::now()?)
    })
}

/// What this process holds.
#[derive(Debug, PartialEq)]
struct Held {
    descriptors: usize,
    threads: usize,
    /// Zombies are children, too.
    children: usize,
    shared_mappings: usize,
    files: usize,
}

impl Held {
    fn now() -> Result<Held, String> {
        let own = Snapshot::this().map_err(|error| error.to_string())?;
        let maps = fs::read_to_string("/proc/self/maps").map_err(|error| error.to_string())?;
        let is_shared = |line: &&str| line.split(' ').nth(1) == Some("rw-s");
        Ok(Held {
            descriptors: own.descriptors.len(),
            threads: own.threads.len(),
            children: wait::children().map_err(|error| error.to_string())?.len(),
            shared_mappings: maps.lines().filter(is_shared).count(),
            files: fs::read_dir(".").map_err(|error| error.to_string())?.count(),
        })
    }
}

/// How many descriptors each worker has.
fn in_workers(pool: &Pool) -> Result<Vec<usize>, String> {
    let count = |pid: &pools::Pid| {
        let found = Snapshot::of(pid.as_raw()).map_err(|error| error.to_string())?;
        Ok(found.descriptors.len())
    };
    pool.pids().iter().map(count).collect()
}

fn work(pool: &mut Pool, tasks: &[Task]) -> Result<(), String> {
    pool.map(tasks).map(drop).map_err(|closed| closed.to_string())
}

fn same<T: PartialEq + std::fmt::Debug>(
    after: &str,
    expected: &T,
    found: &T,
) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    Err(format!("after {after}: {expected:?} has become {found:?}"))
}
