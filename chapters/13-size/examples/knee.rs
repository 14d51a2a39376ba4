//! Measures what more workers bring to work that computes, and to work that waits.
//! Minutes: 6
//!
//! Run it with `cargo run --release --example knee`, then as `taskset -c 0 cargo run --release --example knee`.
//! Look at where each column stops growing, and at the prediction beside it. On a busy machine the knee comes earlier: other
//! programs use their part of the processors.

use nix::time::{ClockId, clock_gettime};
use std::error::Error;
use std::time::{Duration, Instant};
use wait::Child;

/// A task computes for 1 ms, or waits for 9 ms and computes for 1 ms.
const COMPUTE: Duration = Duration::from_millis(1);
const WAIT: Duration = Duration::from_millis(9);
const WAITING: f64 = 0.9;

/// How many tasks that compute there are for each processor, however many workers share them.
const COMPUTED: usize = 320;

// ANCHOR: task
fn compute() {
    let begun = cpu_time();
    while cpu_time() - begun < COMPUTE {}
}

fn wait_and_compute() {
    std::thread::sleep(WAIT);
    compute();
}

/// What this thread has computed so far: a clock that stands still while somebody else has the processor.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every thread has this clock").into()
}
// ANCHOR_END: task

fn main() -> Result<(), Box<dyn Error>> {
    let cpus = process::cpus();
    let processors = cpus.recommended;
    println!("{processors} processors for this process");
    println!("                 computes            waits        predicted");
    let (mut computing, mut waiting) = (Vec::new(), Vec::new());
    for times in [1, 2, 4, 8, 16] {
        let workers = processors * times;
        computing.push(rate(workers, COMPUTED / times, compute)?);
        waiting.push(rate(workers, 12, wait_and_compute)?);
        let predicted = waiting[0] / size::throughput(WAITING, processors as f64, processors)
            * size::throughput(WAITING, processors as f64, workers);
        println!(
            "{workers:>4} workers {:>5.2} tasks/ms {:>7.2} tasks/ms {:>7.2} tasks/ms",
            computing[computing.len() - 1],
            waiting[waiting.len() - 1],
            predicted
        );
    }
    println!(
        "for work that waits for 90 % of its time, take {} workers",
        size::blocking(WAITING)
    );
    let gain = |rates: &[f64]| rates[3] / rates[0];
    let verdict = if gain(&waiting) > 1.5 * gain(&computing) {
        "brings much to work that waits, and little or nothing to work that computes"
    } else {
        "brings as much to the one as to the other"
    };
    println!("eight workers for each processor: that {verdict}");
    Ok(())
}

/// Tasks per millisecond of so many workers that run so many tasks each.
fn rate(workers: usize, tasks: usize, task: fn()) -> Result<f64, Box<dyn Error>> {
    let begun = Instant::now();
    let mut children = Vec::new();
    for _ in 0..workers {
        children.push(Child::fork(|| {
            (0..tasks).for_each(|_| task());
            0
        })?);
    }
    for child in &mut children {
        child.wait()?;
    }
    Ok((workers * tasks) as f64 / begun.elapsed().as_secs_f64() / 1e3)
}
