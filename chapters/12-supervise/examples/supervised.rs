//! Kills workers at every point of the protocol and at random; every task is answered exactly once.
//! Minutes: 10
//!
//! `cargo run --example supervised`
//! Look at which tasks are begun again, and which were done twice although each is answered once.

mod supervisor;

use anyhow::Result;
use std::thread::sleep;
use std::time::Duration;
use supervise::fault::{IS_ACTIVE, Point};
use supervise::{Intensity, Retry, fault_point};
use supervisor::{Options, Report, run};

fn main() -> Result<()> {
    let descriptors = process::Snapshot::this()?.descriptors.len();
    if IS_ACTIVE {
        at_every_point()?;
    } else {
        println!("This is a release build: there is no fault point in it.");
    }
    at_random()?;
    println!();
    println!("children left: {}", wait::children()?.len());
    let now = process::Snapshot::this()?.descriptors.len();
    println!("descriptors left: {}", now.saturating_sub(descriptors));
    Ok(())
}

fn at_every_point() -> Result<()> {
    let tasks: Vec<u64> = (0..40).collect();
    println!("40 tasks, 2 workers; the first two workers die at the point:");
    println!(
        "{:<16} {:>6} {:>12} {:>11} {:>14}",
        "", "deaths", "begun again", "done twice", "answered once"
    );
    for point in Point::ALL {
        let report = run(
            &tasks,
            Options {
                work: |number| {
                    fault_point!(Point::InTask);
                    number * number
                },
                retry: Retry { retries: 1 },
                fault: Some(point),
                ..Options::default()
            },
        )?;
        println!(
            "{point:<16} {:>6} {:>12} {:>11} {:>14}",
            report.deaths,
            report.begun_again,
            report.done.iter().filter(|done| **done == 2).count(),
            answered(&tasks, &report)
        );
    }
    Ok(())
}

fn at_random() -> Result<()> {
    let tasks: Vec<u64> = (0..300).collect();
    let report = run(
        &tasks,
        Options {
            work: |number| {
                sleep(Duration::from_millis(1));
                number * number
            },
            retry: Retry { retries: 1000 },
            restarts: Intensity::new(u32::MAX, Duration::from_secs(5)),
            kill_interval: Some(Duration::from_millis(10)),
            ..Options::default()
        },
    )?;
    println!();
    println!(
        "300 tasks of 1 ms, a worker killed every 10 ms: {} kills, {} tasks begun again",
        report.kills_from_outside, report.begun_again
    );
    println!("answered once: {}", answered(&tasks, &report));
    Ok(())
}

/// How many tasks have the right answer. That none has two is checked where they are settled.
fn answered(tasks: &[u64], report: &Report) -> usize {
    let outcomes = report.outcomes.iter().zip(tasks);
    outcomes.filter(|(outcome, task)| **outcome == Some(Ok(**task * **task))).count()
}
