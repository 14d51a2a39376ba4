//! Writes a trace of a small run, and says what is in it: rows of workers, slices of tasks, arrows.
//! Minutes: 5
//!
//! `cargo run --example traced -- run.json` keeps the file: open it at <https://ui.perfetto.dev>, which reads it in your
//! browser and sends it nowhere, or in `chrome://tracing`. Look for the task that ended its worker, and for the row of
//! the worker that took its place. Without a path the file is in a temporary folder and goes with the program.
#![forbid(unsafe_code)]

use anyhow::{Result, ensure};
use procpool::{Pool, Shutdown, WorkerState};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a worker may take to be replaced, on a machine that is busy.
const REPLACED_MAX: Duration = Duration::from_secs(20);

/// Counts the primes below a number, slowly enough to be seen.
fn primes_below(end: u32) -> u32 {
    (2..end).filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0)).count() as u32
}

/// A task that takes its worker along.
fn end_worker(code: i32) {
    std::process::exit(code);
}

fn main() -> Result<()> {
    procpool::init();
    let folder = tempfile::tempdir()?;
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let path = given.clone().unwrap_or_else(|| folder.path().join("run.json"));
    run(&path)?;
    show(&path)?;
    match given {
        Some(path) => println!("Open {} at https://ui.perfetto.dev", path.display()),
        None => println!("To keep the file: cargo run --example traced -- run.json"),
    }
    Ok(())
}

fn run(path: &Path) -> Result<()> {
    let pool = Pool::builder().workers(2).name("traced").trace(path).build()?;
    let handles: Vec<_> = (1..=20).map(|n| pool.submit(primes_below, n * 1_000)).collect();
    for handle in handles {
        handle.join()?;
    }
    ensure!(pool.call(end_worker, 3).is_err(), "its worker is gone");
    // The trace shows the new worker's row even if it gets no task.
    let ends_at = Instant::now() + REPLACED_MAX;
    let is_ready = |state| matches!(state, WorkerState::Idle | WorkerState::Running);
    while pool.stats().workers.iter().filter(|worker| is_ready(worker.state)).count() < 2 {
        ensure!(Instant::now() < ends_at, "the worker was not replaced");
        std::thread::sleep(Duration::from_millis(1));
    }
    for count in pool.map(primes_below, (0..500).map(|n| n % 50)) {
        count?;
    }
    // The file is complete when the pool has ended.
    pool.shutdown(Shutdown::Finish, None)?;
    Ok(())
}

fn show(path: &Path) -> Result<()> {
    let events: Vec<Value> = serde_json::from_slice(&std::fs::read(path)?)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    println!("Rows:");
    for row in events.iter().filter(|event| event["name"] == "thread_name") {
        let name = text(&row["args"]["name"]);
        println!("  {}", name.replacen("worker ", "worker number ", 1));
    }
    let mut slices: BTreeMap<(String, String), usize> = BTreeMap::new();
    for task in events.iter().filter(|event| event["ph"] == "X") {
        let of = (text(&task["name"]), text(&task["args"]["outcome"]));
        *slices.entry(of).or_default() += 1;
    }
    println!("Slices of tasks:");
    for ((name, outcome), count) in slices {
        println!("  {count:3} of {name}: {outcome}");
    }
    println!("Arrows:");
    for name in ["submit", "result"] {
        let ends = |phase: &str| {
            let is_end = |event: &&Value| event["name"] == name && event["ph"] == phase;
            events.iter().filter(is_end).count()
        };
        println!("  {name}: {} begin, {} end", ends("s"), ends("f"));
    }
    Ok(())
}
