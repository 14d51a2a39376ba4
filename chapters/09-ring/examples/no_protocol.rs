//! One process writes messages into shared memory, another looks at them, and they agree on nothing.
//! Minutes: 3
//!
//! Run it with `cargo run --example no_protocol`.
//! Look at how many messages were half of one and half of another, and how many nobody has ever seen.

use shared::Segment;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use wait::{Child, Signal};

/// Words of a message, which all have the number of the message.
const WORDS: usize = 64;

/// Three kinds of faults are soon found, even if the two processes take turns on one processor.
const SEARCH_MAX: Duration = Duration::from_secs(4);

// ANCHOR: write
/// Writes message after message into the same place, and never asks whether the last one was read.
fn write(message: &[&AtomicU64]) -> ! {
    for number in 1.. {
        message.iter().for_each(|word| word.store(number, Relaxed));
    }
    unreachable!("2^64 messages take centuries")
}
// ANCHOR_END: write

fn main() -> Result<(), Box<dyn Error>> {
    let segment = Arc::new(Segment::create("message", WORDS * 8)?);
    let message: Result<Vec<&AtomicU64>, _> =
        (0..WORDS).map(|word| segment.at(word * 8)).collect();
    let message = message?;
    let mut writer = Child::fork(|| write(&message))?;
    let (mut torn, mut repeated, mut missed, mut looks, mut last) = (0u64, 0u64, 0u64, 0u64, 0);
    let begun = Instant::now();
    while begun.elapsed() < SEARCH_MAX
        && (begun.elapsed() < SEARCH_MAX / 20 || torn.min(repeated).min(missed) == 0)
    {
        let words: Vec<u64> = message.iter().map(|word| word.load(Relaxed)).collect();
        let (first, end) = (words[0], words[WORDS - 1]);
        looks += 1;
        torn += u64::from(first != end);
        repeated += u64::from(first == last);
        missed += first.saturating_sub(last + 1);
        last = first;
    }
    writer.kill(Signal::SIGKILL)?;
    writer.wait()?;
    println!("{looks:12} looks at the message");
    println!("{torn:12} found half of one message and half of another");
    println!("{repeated:12} found the message of the look before");
    println!("{missed:12} messages were written and never seen");
    let verdict = if torn > 0 && repeated > 0 && missed > 0 { "all three" } else { "not all" };
    println!("{verdict} of the faults happened");
    Ok(())
}
