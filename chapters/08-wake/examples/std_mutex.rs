//! Shows that a `std::sync::Mutex` in shared memory excludes two processes, and never wakes the second one.
//! Minutes: 6
//!
//! Run it with `cargo run --example std_mutex`.
//! Look at the lock, which is free, and at the process that waits for it.

use process::{Snapshot, State};
use shared::Segment;
use std::error::Error;
use std::fs;
use std::process::id;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::{Duration, Instant};
use wait::{Child, Signal};
use wake::{RobustMutex, futex};

/// Where things lie in the segment: the lock at its start.
const ASKS_AT: usize = 512;
const LEN_BYTES: usize = 4096;

/// How long a process that was not woken is watched.
const WATCH: Duration = Duration::from_millis(500);

/// How long a child may take to fall asleep, or to get a lock that is free.
const DEADLINE: Duration = Duration::from_secs(30);

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    println!("std::sync::Mutex");
    let segment = Segment::create("std-mutex", LEN_BYTES)?;
    let mutex = std_mutex_in(&segment);
    never_both_at_once(mutex)?;

    let held = mutex.lock().map_err(|_| "poisoned")?;
    say("has the lock");
    let mut child = wanting_the_lock(&segment, || mutex.lock().map(drop).is_ok())?;
    say("unlocks");
    drop(held);
    if mutex.try_lock().is_ok() {
        say("the lock is free: try_lock got it");
    }
    match child.wait_timeout(WATCH)? {
        None => say("500 ms later the child still sleeps"),
        Some(status) => say(&format!("the child got the lock: {status}")),
    }
    let woken = futex::wake(segment.at::<AtomicU32>(0)?, 1);
    say(&format!("a wake-up for all processes, at that address: it woke {woken}"));
    child.kill(Signal::SIGKILL)?;
    say(&format!("the child: {}", child.wait()?));

    println!("RobustMutex, which is process-shared");
    let segment = Arc::new(Segment::create("shared-mutex", LEN_BYTES)?);
    // SAFETY: the mutex has the first bytes of a new segment to itself; `ASKS_AT` is behind it.
    let mutex = unsafe { RobustMutex::create(Arc::clone(&segment), 0) }?;
    let held = mutex.lock()?;
    say("has the lock");
    let mut child = wanting_the_lock(&segment, || mutex.lock().map(drop).is_ok())?;
    say("unlocks");
    drop(held);
    let status = child.wait_timeout(DEADLINE)?.ok_or("the child was not woken")?;
    say(&format!("the child: {status}"));
    Ok(())
}

/// A mutex at the start of the segment.
// ANCHOR: place
fn std_mutex_in(segment: &Segment) -> &Mutex<u64> {
    const { assert!(size_of::<Mutex<u64>>() <= ASKS_AT) };
    let place = segment.as_ptr().cast::<Mutex<u64>>();
    // SAFETY: the start of a page is aligned and has room for it.
    unsafe { place.write(Mutex::new(0)) };
    // SAFETY: a mutex is there, and lives as long as the segment. std promises nothing
    // for one that two processes see. On Linux it is two flags in atomics and the value,
    // and all of them are used in the way that one process would use them.
    unsafe { place.as_ref() }
}
// ANCHOR_END: place

/// One process after the other, as in most tests: nothing is wrong.
fn never_both_at_once(mutex: &Mutex<u64>) -> Outcome<()> {
    let add = || mutex.lock().map(|mut number| *number += 1).is_ok();
    add();
    let mut child = Child::fork(|| i32::from(!add()))?;
    child.wait()?;
    say(&format!("each added 1, in turn: {}", mutex.lock().map_err(|_| "poisoned")?));
    Ok(())
}

/// A child that calls `lock`, and has fallen asleep in it.
fn wanting_the_lock(segment: &Segment, lock: impl Fn() -> bool) -> Outcome<Child> {
    let asks: &AtomicU32 = segment.at(ASKS_AT)?;
    let mut child = Child::fork(|| {
        println!("child {}: wants the lock", id());
        asks.store(1, Release);
        if !lock() {
            return 1;
        }
        println!("child {}: has the lock", id());
        0
    })?;
    let ends_at = Instant::now() + DEADLINE;
    while asks.load(Acquire) == 0
        || Snapshot::of(child.pid().as_raw())?.state != State::Sleeping
    {
        if child.wait_timeout(Duration::from_millis(1))?.is_some() || Instant::now() > ends_at {
            return Err("the child does not wait for the lock".into());
        }
    }
    say(&format!("the child sleeps{}", system_call(child.pid().as_raw())));
    Ok(child)
}

/// The system call that a process is in, if the kernel tells.
fn system_call(pid: i32) -> String {
    let Ok(call) = fs::read_to_string(format!("/proc/{pid}/syscall")) else {
        return String::new();
    };
    let mut words = call.split_ascii_whitespace();
    let number = words.next().and_then(|word| word.parse().ok());
    // The second argument of `futex` is the operation, behind its number and the word's address.
    let operation = words.nth(1).and_then(|word| word.strip_prefix("0x"));
    let operation = operation.and_then(|word| i32::from_str_radix(word, 16).ok());
    match (number, operation) {
        (Some(libc::SYS_futex), Some(operation)) => {
            let is_private = operation & libc::FUTEX_PRIVATE_FLAG != 0;
            format!(", in a futex call, {}", if is_private { "PRIVATE" } else { "shared" })
        }
        _ => String::new(),
    }
}

fn say(what: &str) {
    println!("parent {}: {what}", id());
}
