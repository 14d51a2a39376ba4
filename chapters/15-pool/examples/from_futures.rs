//! Does what a program with Python's `concurrent.futures` does; one of its tasks ends its worker.
//! Minutes: 5
//!
//! Run it with `cargo run --example from_futures`, and read it beside the second table of "Coming from Python".
#![forbid(unsafe_code)]

use procpool::{JoinHandle, Pool, Shutdown, TaskError, as_completed, wait_first};
use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

fn work(number: u32) -> u32 {
    match number {
        3 => panic!("no task likes to be number 3"),
        // In Python this breaks a ProcessPoolExecutor with all its futures.
        5 => std::process::exit(3),
        _ => number * 10,
    }
}

fn rest(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

fn until_running(handles: &[JoinHandle<()>]) {
    while !handles.iter().all(JoinHandle::is_running) {
        std::thread::yield_now();
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    procpool::init();
    let pool = Pool::builder().workers(2).build()?;

    let futures: Vec<_> = (0..8).map(|number| pool.submit(work, number)).collect();
    let numbers: BTreeMap<_, _> =
        futures.iter().map(|future| future.id()).zip(0_u32..).collect();
    let mut outcomes = BTreeMap::new();
    for (id, result) in as_completed(futures) {
        let outcome = match result {
            Ok(value) => format!("result() is {value}"),
            Err(TaskError::Panicked { message, .. }) => format!("panicked: {message}"),
            Err(TaskError::WorkerDied { status, .. }) => format!("its worker died: {status}"),
            Err(error) => error.to_string(),
        };
        outcomes.insert(numbers[&id], outcome);
    }
    for (number, outcome) in &outcomes {
        println!("task {number}  {outcome}");
    }

    // FIRST_COMPLETED: a long task and a short one.
    let mut pair = [pool.submit(rest, 60_000), pool.submit(rest, 1)];
    until_running(&pair[..1]);
    println!("wait             number {:?} is the first", wait_first(&mut pair, None));
    println!("cancel           {}: it runs", pair[0].cancel());
    println!("abort            {}: its worker is killed and replaced", pair[0].abort());

    // cancel_futures=True: what has not begun never will.
    let mut running = vec![pool.submit(rest, 60_000), pool.submit(rest, 60_000)];
    until_running(&running);
    running.extend((0..10).map(|_| pool.submit(rest, 60_000)));
    let summary = pool.shutdown(Shutdown::Kill, None)?;
    println!("kill_workers     {} killed, {} cancelled", summary.killed, summary.cancelled);
    let refused = pool.call(rest, 1);
    println!("submit           {}", refused.expect_err("the pool has ended"));
    Ok(())
}
