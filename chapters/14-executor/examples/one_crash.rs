//! Runs ten tasks of which one ends its process, in threads and in processes.
//! Minutes: 3
//!
//! `cargo run --example one_crash`
//! Look at how many results are left.

mod one_each;

use executor::{Executor, TaskError, ThreadPool};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use one_each::OneEach;
use std::io::BufRead;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

/// The argument with which this program runs its tasks in threads.
const IN_THREADS: &str = "--in-threads";

// ANCHOR: tasks
fn abort_if_4(n: u32) -> u32 {
    if n == 4 {
        std::process::abort();
    }
    n * n
}

fn run(executor: &impl Executor) -> Vec<String> {
    let results = executor.map(abort_if_4, 0..10_u32);
    (0..)
        .zip(results)
        .map(|(n, result)| match result {
            Ok(square) => format!("  {n} squared is {square}"),
            Err(TaskError::WorkerDied { status, .. }) => format!("  {n} is lost: {status}"),
            Err(other) => format!("  {n} has no result: {other}"),
        })
        .collect()
}
// ANCHOR_END: tasks

fn main() -> Result<(), Box<dyn std::error::Error>> {
    start::init(one_each::worker);
    no_core_file()?;
    if std::env::args().nth(1).as_deref() == Some(IN_THREADS) {
        println!("{}", run(&ThreadPool::new(1)).join("\n"));
        return Ok(());
    }
    println!("ten tasks in threads, in a program of their own:");
    let program = Command::new(std::env::current_exe()?)
        .arg(IN_THREADS)
        .stdout(Stdio::piped())
        .output()?;
    println!("  it has printed {} results", program.stdout.lines().count());
    match program.status.signal() {
        Some(signal) => println!("  the whole program was ended by signal {signal}"),
        None => println!("  the program has ended: {}", program.status),
    }
    println!("ten tasks in processes:");
    println!("{}", run(&OneEach::new(2)?).join("\n"));
    println!("  the program goes on");
    Ok(())
}

/// What is aborted here is no accident to be examined.
fn no_core_file() -> nix::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_CORE)?;
    setrlimit(Resource::RLIMIT_CORE, 0, hard)
}
