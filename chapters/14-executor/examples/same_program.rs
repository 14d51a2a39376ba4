//! Runs the same program on threads and on processes, on work that computes and on work that waits.
//! Minutes: 6
//!
//! `cargo run --release --example same_program`
//! Look at what more workers than processors bring, and at what a task costs.

mod one_each;

use executor::{Executor, TaskError, ThreadPool};
use one_each::OneEach;
use std::hint::black_box;
use std::time::{Duration, Instant};

const TASKS: u64 = 16;
const NAP: Duration = Duration::from_millis(40);
/// More workers than most machines have idle processors for.
const MANY: usize = 16;

// ANCHOR: work
fn compute(start: u64) -> u64 {
    (start..start + 400_000)
        .fold(0, |sum, n| sum ^ black_box(n).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

fn wait(start: u64) -> u64 {
    std::thread::sleep(NAP);
    start
}

fn nothing(start: u64) -> u64 {
    start
}

/// The program: it does not know who runs its tasks.
fn run(executor: &impl Executor, task: fn(u64) -> u64) -> Result<(u64, Duration), TaskError> {
    let begun = Instant::now();
    let results: Result<Vec<u64>, _> =
        executor.map(task, (0..TASKS).map(|n| n << 32)).collect();
    Ok((results?.into_iter().fold(0, |sum, n| sum ^ n), begun.elapsed()))
}
// ANCHOR_END: work

fn main() -> Result<(), Box<dyn std::error::Error>> {
    start::init(one_each::worker);
    println!("{TASKS} tasks that");
    let mut nap_ms = Vec::new();
    let mut cost_us = Vec::new();
    let mut results = Vec::new();
    for (name, task) in
        [("compute", compute as fn(u64) -> u64), ("wait", wait), ("do nothing", nothing)]
    {
        println!("  {name}");
        for workers in [1, MANY] {
            let (threads, processes) = (ThreadPool::new(workers), OneEach::new(workers)?);
            let (first, by_threads) = run(&threads, task)?;
            let (second, by_processes) = run(&processes, task)?;
            results.push(first == second);
            let [threads_ms, processes_ms] =
                [by_threads, by_processes].map(|it| it.as_secs_f64() * 1e3);
            println!(
                "    {workers:>2} at a time: {threads_ms:>7.2} ms in threads, {processes_ms:>7.2} ms in processes"
            );
            match name {
                "wait" => nap_ms.push([threads_ms, processes_ms]),
                "do nothing" if workers == 1 => {
                    cost_us =
                        [threads_ms, processes_ms].map(|it| it * 1e3 / TASKS as f64).to_vec();
                }
                _ => {}
            }
        }
    }
    let same = if results.iter().all(|same| *same) { "the same" } else { "not the same" };
    println!("threads and processes have {same} results");
    let faster = (0..2).all(|of| nap_ms[0][of] > 2.0 * nap_ms[1][of]);
    let verdict = if faster { "is over much sooner" } else { "is not over much sooner" };
    println!("work that waits {verdict} with {MANY} workers, of either kind");
    let dear = cost_us[1] > 3.0 * cost_us[0];
    let verdict = if dear { "costs several times" } else { "costs no more than" };
    println!("a process for a task {verdict} a thread that is there");
    Ok(())
}
