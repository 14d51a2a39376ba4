//! Shows two processes that count in one memory, and lose counts by load and store but not by `fetch_add`.
//! Minutes: 3
//!
//! Run it with `cargo run --example shared_counter`.
//! Look at how many counts are gone, and run it again: it is another number each time.

use shared::Segment;
use std::error::Error;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};
use wait::Child;
use wake::futex;

/// What each process adds, one by one.
const ADDITIONS: u64 = 2_000_000;

/// How often it is tried. On one core a process must be interrupted between its load and its store to lose counts.
const TRIES_MAX: u32 = 100;

const COUNTER: usize = 0;
const IS_OPEN: usize = 128;

fn main() -> Result<(), Box<dyn Error>> {
    println!("two processes add 1 to a number in shared memory, 2,000,000 times each");
    say("load and store", by_load_and_store)?;
    say("fetch_add", by_fetch_add)
}

// ANCHOR: adding
fn by_load_and_store(counter: &AtomicU64) {
    for _ in 0..ADDITIONS {
        counter.store(counter.load(Relaxed) + 1, Relaxed);
    }
}

fn by_fetch_add(counter: &AtomicU64) {
    for _ in 0..ADDITIONS {
        counter.fetch_add(1, Relaxed);
    }
}
// ANCHOR_END: adding

fn say(name: &str, add: fn(&AtomicU64)) -> Result<(), Box<dyn Error>> {
    for _ in 0..TRIES_MAX {
        let lost = 2 * ADDITIONS - count(add)?;
        if lost > 0 {
            println!("{name:>14}: {lost} additions are lost");
            return Ok(());
        }
        // What never loses any needs no hundred proofs.
        if name == "fetch_add" {
            break;
        }
    }
    println!("{name:>14}: none is lost");
    Ok(())
}

/// What the number is when both are done.
fn count(add: fn(&AtomicU64)) -> Result<u64, Box<dyn Error>> {
    let segment = Segment::create("counter", 4096)?;
    let counter: &AtomicU64 = segment.at(COUNTER)?;
    let is_open: &AtomicU32 = segment.at(IS_OPEN)?;
    let run = || {
        while is_open.load(Relaxed) == 0 {
            if futex::wait(is_open, 0, None).is_err() {
                return 1;
            }
        }
        add(counter);
        0
    };
    let mut children = [Child::fork(run)?, Child::fork(run)?];
    is_open.store(1, Relaxed);
    futex::wake(is_open, u32::MAX);
    for child in &mut children {
        if !child.wait()?.success() {
            return Err(format!("process {}: {}", child.pid(), child.wait()?).into());
        }
    }
    Ok(counter.load(Relaxed))
}
