//! Shows a task that kills every worker it meets, and workers that are never ready: where a pool must give up.
//! Minutes: 6
//!
//! `cargo run --example killer_task`
//! Look at what the neighbours of the task get, with few retries and with many.

mod supervisor;

use anyhow::Result;
use nix::sys::signal::{Signal, raise};
use std::process::exit;
use std::thread::sleep;
use std::time::Duration;
use supervise::{Retry, Verdict};
use supervisor::{Options, Report, run};

/// The input that no worker survives.
const KILLER: u64 = 5;

const NEIGHBOURS: usize = 200;

fn main() -> Result<()> {
    for retries in [0, 2, 1000] {
        println!(
            "a task that kills its worker, with {retries} retries, among {NEIGHBOURS} others:"
        );
        let tasks: Vec<u64> = (0..=NEIGHBOURS as u64).collect();
        let work = |number| {
            if number == KILLER {
                let _ = raise(Signal::SIGKILL);
            }
            sleep(Duration::from_millis(10));
            number
        };
        tell(&run(&tasks, Options { work, retry: Retry { retries }, ..Options::default() })?);
    }
    println!("workers whose initializer fails:");
    tell(&run(&[0, 1, 2], Options { initializer: || exit(1), ..Options::default() })?);
    Ok(())
}

fn tell(report: &Report) {
    let answered = report.outcomes.iter().filter(|it| matches!(it, Some(Ok(_)))).count();
    if let Some(Some(Err(cause))) = report.outcomes.get(KILLER as usize) {
        println!("  that task: {cause:?}; workers that it killed: {}", report.begun_again + 1);
    }
    match report.gave_up {
        None => println!("  deaths: {}, and the pool goes on", report.deaths),
        Some(Verdict::GiveUp { deaths, within }) => {
            println!("  deaths: {deaths} within {} s, so the pool gives up", within.as_secs());
        }
        Some(Verdict::Restart) => {}
    }
    match (answered, report.outcomes.len()) {
        (0, _) => println!("  no task is answered"),
        (NEIGHBOURS, _) => println!("  all {NEIGHBOURS} others are answered"),
        _ => println!("  only some of the others are answered"),
    }
}
