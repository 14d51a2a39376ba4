//! Measures workers whose tasks leak memory, without a limit, with a limit of tasks and with one of memory.
//! Minutes: 5
//!
//! `cargo run --example recycled`
//! Look at the largest worker, and at how many processes it took to keep it small.

mod supervisor;

use anyhow::Result;
use std::hint::black_box;
use std::time::{Duration, Instant};
use supervise::Recycling;
use supervisor::{Options, Report, run};

const TASKS: u64 = 64;
const LEAK_BYTES: usize = 2 << 20;
const MAX_RSS_BYTES: u64 = 24 << 20;
const MAX_TASKS: u64 = 8;

fn main() -> Result<()> {
    println!("{TASKS} tasks, each of which leaks {} MiB, 2 workers:", LEAK_BYTES >> 20);
    let free = measured("no limit", Recycling::default())?;
    let tasks = Recycling { max_tasks: Some(MAX_TASKS), max_rss_bytes: None };
    let by_tasks = measured(&format!("{MAX_TASKS} tasks each"), tasks)?;
    let memory = Recycling { max_tasks: None, max_rss_bytes: Some(MAX_RSS_BYTES) };
    let by_memory = measured(&format!("{} MiB each", MAX_RSS_BYTES >> 20), memory)?;

    if free.rss_max_bytes == 0 {
        println!("The memory of a process cannot be read here: /proc is not mounted.");
        return Ok(());
    }
    for (name, report) in [("tasks", &by_tasks), ("memory", &by_memory)] {
        let bounded = report.rss_max_bytes < free.rss_max_bytes * 2 / 3;
        let verdict = if bounded { "keeps the workers small" } else { "keeps nothing small" };
        println!("a limit of {name} {verdict}; deaths that count: {}", report.deaths);
    }
    Ok(())
}

fn measured(name: &str, recycling: Recycling) -> Result<Report> {
    let work = |number| {
        black_box(Box::leak(vec![1_u8; LEAK_BYTES].into_boxed_slice()));
        number
    };
    let tasks: Vec<u64> = (0..TASKS).collect();
    let start = Instant::now();
    let report = run(&tasks, Options { work, recycling, ..Options::default() })?;
    let took: Duration = start.elapsed();
    let answered = report.outcomes.iter().filter(|it| matches!(it, Some(Ok(_)))).count();
    println!(
        "  {name:<13} {answered} answered, {:>3} processes, the largest {:>3} MiB, {:>4} ms",
        report.processes,
        report.rss_max_bytes >> 20,
        took.as_millis()
    );
    Ok(report)
}
