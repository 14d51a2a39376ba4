//! Shows a signal handler that takes a lock, and waits for the code that it interrupted.
//! Minutes: 6
//!
//! Run it with `cargo run --example lock_in_a_handler`.
//! Look at the first child: its one thread has the lock and waits for it.

use nix::sys::signal::{SigHandler, raise, signal};
use process::{Snapshot, State};
use signal::{Signal, SignalSets, Signals};
use std::error::Error;
use std::process::id;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};
use wait::Child;

/// How long the first child may take until it stands still.
const DEADLINE: Duration = Duration::from_secs(60);

// ANCHOR: handlers
static LOG: Mutex<Vec<&str>> = Mutex::new(Vec::new());
static CAME: AtomicBool = AtomicBool::new(false);

fn log(line: &'static str) {
    if let Ok(mut lines) = LOG.lock() {
        lines.push(line);
    }
}

extern "C" fn log_it(_: i32) {
    log("the signal has come");
}

extern "C" fn note_it(_: i32) {
    CAME.store(true, Ordering::Relaxed);
}
// ANCHOR_END: handlers

fn main() -> Result<(), Box<dyn Error>> {
    let mut child = Child::fork(|| interrupted_while_it_logs(log_it))?;
    wait_until_stuck(&child)?;
    println!("child {}: sleeping inside its handler, for ever", child.pid());
    child.kill(Signal::SIGKILL)?;
    println!("parent {}: ended it: {}", id(), child.wait()?);

    let mut child = Child::fork(|| interrupted_while_it_logs(note_it))?;
    println!("a handler that only sets a flag: {}", child.wait()?);

    let mut child = Child::fork(|| reads_the_signal().unwrap_or(1))?;
    println!("no handler; the signal is read, and then logged: {}", child.wait()?);
    Ok(())
}

// ANCHOR: interrupted
/// Has the lock of the log at the moment when the signal comes.
fn interrupted_while_it_logs(handler: extern "C" fn(i32)) -> i32 {
    // SAFETY: one of the two handlers does what no handler may do, to show it. It breaks no
    // memory: a lock that is taken twice by one thread waits or panics.
    if unsafe { signal(Signal::SIGUSR1, SigHandler::Handler(handler)) }.is_err() {
        return 1;
    }
    let Ok(lines) = LOG.lock() else { return 1 };
    if raise(Signal::SIGUSR1).is_err() {
        return 1;
    }
    drop(lines);
    if CAME.load(Ordering::Relaxed) {
        log("the signal had come");
    }
    0
}
// ANCHOR_END: interrupted

fn reads_the_signal() -> std::io::Result<i32> {
    let signals = Signals::block(&[Signal::SIGUSR1])?;
    let lines = LOG.lock();
    raise(Signal::SIGUSR1)?;
    drop(lines);
    while signals.read()?.is_some() {
        log("the signal had come");
    }
    Ok(0)
}

/// A handler's own signal is blocked while it runs, which `/proc` shows.
fn wait_until_stuck(child: &Child) -> Result<(), Box<dyn Error>> {
    let ends_at = Instant::now() + DEADLINE;
    loop {
        let in_handler = SignalSets::of(child.pid())?.blocked.contains(Signal::SIGUSR1);
        if in_handler && Snapshot::of(child.pid().as_raw())?.state == State::Sleeping {
            return Ok(());
        }
        if Instant::now() > ends_at {
            return Err("the child has not come to a stop".into());
        }
        sleep(Duration::from_millis(1));
    }
}
