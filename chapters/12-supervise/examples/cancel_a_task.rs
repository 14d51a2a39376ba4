//! Shows what stops running work: no flag that it does not read, no dropped handle, only the end of its process.
//! Minutes: 5
//!
//! `cargo run --example cancel_a_task`
//! Look at what the work does after each attempt.

mod supervisor;

use anyhow::{Context, Result};
use std::io::{ErrorKind, PipeReader, PipeWriter, Read, Write, pipe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use supervise::Intensity;
use supervise::life::Cause;
use supervisor::{Options, run};
use wait::{Child, Signal};

/// So many beats after an attempt show that the work goes on: more than what a pipe could still hold.
const BEATS: usize = 100_000;

/// Work that looks at nothing but its work; it ends when nobody takes its beats any more.
fn work(mut beats: PipeWriter) {
    while beats.write_all(&[0]).is_ok() {}
}

fn main() -> Result<()> {
    by_flag()?;
    println!();
    by_kill()?;
    println!();
    by_deadline()
}

// ANCHOR: by_flag
fn by_flag() -> Result<()> {
    let (mut reader, writer) = pipe()?;
    let cancelled = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&cancelled);
    let thread = thread::spawn(move || {
        if !flag.load(Ordering::Relaxed) {
            work(writer);
        }
    });
    go_on(&mut reader)?;
    cancelled.store(true, Ordering::Relaxed);
    go_on(&mut reader)?;
    println!("a thread that looks at its flag only before it begins:");
    println!("  the flag is set: the work goes on");
    drop(reader);
    let ended = thread.join().is_ok();
    println!(
        "  its pipe is closed: {}",
        if ended { "it looks at that, and ends" } else { "it panics" }
    );
    Ok(())
}
// ANCHOR_END: by_flag

fn by_kill() -> Result<()> {
    let (mut reader, writer) = pipe()?;
    let mut writer = Some(writer);
    let mut child = Child::fork(|| {
        if let Some(writer) = writer.take() {
            work(writer);
        }
        0
    })
    .context("no process could be forked")?;
    drop(writer);
    go_on(&mut reader)?;
    println!("a process that does the same:");
    child.kill(Signal::SIGKILL)?;
    println!("  SIGKILL is sent, and it ends: {}", child.wait()?);
    println!("  in its pipe: {}", after(&mut reader)?);
    Ok(())
}

fn by_deadline() -> Result<()> {
    let tasks: Vec<u64> = (0..11).collect();
    let report = run(
        &tasks,
        Options {
            // Number 3 never ends.
            work: |number| if number == 3 { never() } else { number },
            task_limit: Some(Duration::from_millis(300)),
            restarts: Intensity::new(0, Duration::from_secs(5)),
            ..Options::default()
        },
    )?;
    println!("11 tasks, one of which never ends, with a limit of time:");
    let answered = report.outcomes.iter().filter(|it| matches!(it, Some(Ok(_)))).count();
    println!("  answered: {answered}");
    for (task, outcome) in report.outcomes.iter().enumerate() {
        if let Some(Err(cause)) = outcome {
            let what = if *cause == Cause::TimedOut { "is over its time" } else { "is lost" };
            println!("  task number {task} {what}: {cause:?}");
        }
    }
    println!("  deaths that count: {}", report.deaths);
    Ok(())
}

fn never() -> u64 {
    loop {
        thread::park();
    }
}

/// Returns when the work has done [`BEATS`] more steps.
fn go_on(reader: &mut PipeReader) -> Result<()> {
    Ok(reader.read_exact(&mut vec![0; BEATS])?)
}

/// What comes now that nobody is there: what was still in the pipe, and the end.
fn after(reader: &mut PipeReader) -> Result<&'static str> {
    match reader.read_exact(&mut vec![0; BEATS]) {
        Ok(()) => Ok("more, the work goes on"),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            Ok("no more than was there, and the end")
        }
        Err(error) => Err(error.into()),
    }
}
