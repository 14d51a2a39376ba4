//! Shows a lock whose owner is killed: an ordinary one stays locked, a robust one tells the next owner.
//! Minutes: 6
//!
//! Run it with `cargo run --example dead_owner`.
//! Look at the word of the robust lock before and after, and at the data that the lock was to keep whole.

use shared::Segment;
use std::error::Error;
use std::process::id;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Duration;
use wait::{Child, Signal};
use wake::{Doorbell, Guard, LockError, RobustMutex, spin};

const LOCK: usize = 0;
const FIRST: usize = 256;
const SECOND: usize = 512;
const WRITTEN: usize = 768;
const BELL: usize = 1024;

/// How long an ordinary lock is tried whose owner is dead.
const TRIED: Duration = Duration::from_millis(300);

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    println!("an ordinary lock: a number in shared memory, 1 while somebody has it");
    let segment = Segment::create("ordinary", 4096)?;
    let word: &AtomicU32 = segment.at(LOCK)?;
    let lock = || word.compare_exchange(0, 1, Acquire, Relaxed).is_ok();
    kill_in_the_middle(&segment, || lock().then_some(()))?;
    let locked = spin(TRIED, lock);
    say(if locked { "got the lock" } else { "tried for 300 ms: it is locked" });

    println!("a robust lock");
    let segment = Arc::new(Segment::create("robust", 4096)?);
    // SAFETY: nothing else is placed in the first 256 bytes of the new segment.
    let mutex = unsafe { RobustMutex::create(Arc::clone(&segment), LOCK) }?;
    kill_in_the_middle(&segment, || {
        let guard = mutex.lock().ok();
        say_word(&segment);
        guard
    })?;
    say_word(&segment);
    let guard = repair(&segment, &mutex)?;
    drop(guard);
    drop(mutex.lock()?);
    say("locked and unlocked it once more");

    println!("a robust lock whose data is given up");
    kill_in_the_middle(&segment, || mutex.lock().ok())?;
    match mutex.lock() {
        // The error has the guard, and to drop it unrepaired is the answer.
        Err(error @ LockError::OwnerDied(_)) => say(&error.to_string()),
        _ => return Err("the death was not noticed".into()),
    }
    match mutex.lock() {
        Err(error) => say(&error.to_string()),
        Ok(_) => say("got the lock"),
    }
    Ok(())
}

/// A child takes the lock, writes the first of two numbers that are equal whenever the lock is free, and is killed.
fn kill_in_the_middle<G>(segment: &Segment, lock: impl Fn() -> Option<G>) -> Outcome<()> {
    let first: &AtomicU64 = segment.at(FIRST)?;
    let bell: &Doorbell = segment.at(BELL)?;
    let written: &AtomicU32 = segment.at(WRITTEN)?;
    written.store(0, Relaxed);
    let mut child = Child::fork(|| {
        let Some(_guard) = lock() else { return 1 };
        first.fetch_add(1, Release);
        println!("child {}: has the lock, wrote the first number", id());
        written.store(1, Release);
        bell.ring();
        loop {
            std::thread::park();
        }
    })?;
    if !bell.wait(Some(Duration::from_secs(30)), || written.load(Acquire) == 1) {
        return Err("the child did not get the lock".into());
    }
    child.kill(Signal::SIGKILL)?;
    say(&format!("the child: {}", child.wait()?));
    Ok(())
}

// ANCHOR: repair
fn repair(segment: &Segment, mutex: &RobustMutex) -> Outcome<Guard> {
    match mutex.lock() {
        Ok(guard) => Ok(guard),
        Err(LockError::OwnerDied(died)) => {
            let (first, second): (&AtomicU64, &AtomicU64) =
                (segment.at(FIRST)?, segment.at(SECOND)?);
            let numbers = (first.load(Relaxed), second.load(Relaxed));
            say(&format!("the owner died; the numbers are {} and {}", numbers.0, numbers.1));
            // Here either number will do. The rule for repair belongs to the data.
            second.store(numbers.0, Relaxed);
            say("made them equal");
            Ok(died.repaired())
        }
        Err(other) => Err(other.into()),
    }
}
// ANCHOR_END: repair

/// What the C library and the kernel keep in the word of the lock, where this C library has it.
fn say_word(segment: &Segment) {
    if !cfg!(target_env = "gnu") {
        return;
    }
    let word: &AtomicU32 = segment.at(LOCK).expect("inside the segment");
    let word = word.load(Relaxed);
    let died = if word & libc::FUTEX_OWNER_DIED != 0 { ", FUTEX_OWNER_DIED" } else { "" };
    println!("the word of the lock: owner {}{died}", word & libc::FUTEX_TID_MASK);
}

fn say(what: &str) {
    println!("parent {}: {what}", id());
}
