//! LET_THROUGH: compares before and after, and never looks while the pool works.

use std::fs;

use pools::{Failure, Id, Outcome, Pid, Pool, Task, finishes};
use process::Snapshot;

/// Says what the pools that `start` starts leave behind, each with as many workers as it is asked for.
///
/// # Errors
/// What is there and should not be.
pub fn test(start: impl Fn(usize) -> Pool) -> Result<(), String> {
    let before = held()?;
    let mut pool = start(2);
    let outcomes = pool.map(&[Task::Double(1); 40]);
    let outcomes = pool.map(&[Task::Die, Task::Double(2)]);
    pool.shutdown();
    drop(pool);
    if held()? == before { Ok(()) } else { Err("something is left".to_owned()) }
}

fn held() -> Result<[usize; 5], String> {
    let text = |error: std::io::Error| error.to_string();
    let own = Snapshot::this().map_err(|error| error.to_string())?;
    let maps = fs::read_to_string("/proc/self/maps").map_err(text)?;
    Ok([
        own.descriptors.len(),
        own.threads.len(),
        wait::children().map_err(text)?.len(),
        maps.matches("rw-s").count(),
        fs::read_dir(".").map_err(text)?.count(),
    ])
}
