//! Measures a ring that nobody waits for, a system call that wakes nobody, and a ring that wakes a sleeper.
//! Minutes: 3
//!
//! Run it with `cargo run --release --example price_of_a_ring`.
//! Look at the first two figures: one is paid at every message, the other would be.

use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;
use shared::Segment;
use std::error::Error;
use std::hint::black_box;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::Instant;
use wait::Child;
use wake::{Doorbell, futex};

const CALLS: u32 = 20_000;
const REPEATS: u32 = 20;
const TRIPS: u64 = 5_000;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let bell = Doorbell::new();
    let word = AtomicU32::new(0);
    let rung = fastest(|| {
        black_box(&bell).ring();
    });
    let woken = fastest(|| {
        futex::wake(black_box(&word), 1);
    });
    let trip = round_trip_ns()?;
    println!("ring, and nobody waits:           {rung:8.1} ns");
    println!("futex wake, and nobody waits:     {woken:8.1} ns");
    println!("there and back, two sleepers:     {trip:8.1} ns");
    let verdict = |cheaper| if cheaper { "costs less than a third of" } else { "is about" };
    println!("a ring that nobody waits for {} a system call", verdict(3.0 * rung < woken));
    println!("a system call {} waking a process and being woken", verdict(3.0 * woken < trip));
    Ok(())
}

/// One call's share of the fastest repeat, in ns: the others were interrupted.
fn fastest(mut call: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..REPEATS {
        let begun = Instant::now();
        for _ in 0..CALLS {
            call();
        }
        best = best.min(begun.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS));
    }
    best
}

/// Median time in ns from a ring to another process until its ring back. Both are on one core, so each is asleep when
/// the other works.
fn round_trip_ns() -> Outcome<f64> {
    let mut one = CpuSet::new();
    one.set(sched_getcpu()?)?;
    sched_setaffinity(Pid::from_raw(0), &one)?;
    let segment = Segment::create("trip", 4096)?;
    let (question, answer): (&AtomicU64, &AtomicU64) = (segment.at(0)?, segment.at(256)?);
    let (to_child, to_parent): (&Doorbell, &Doorbell) = (segment.at(512)?, segment.at(768)?);
    let mut child = Child::fork(|| {
        for trip in 1..=TRIPS {
            to_child.wait(None, || question.load(Acquire) == trip);
            answer.store(trip, Release);
            to_parent.ring();
        }
        0
    })?;
    let mut times = Vec::new();
    for trip in 1..=TRIPS {
        let begun = Instant::now();
        question.store(trip, Release);
        to_child.ring();
        to_parent.wait(None, || answer.load(Acquire) == trip);
        times.push(begun.elapsed());
    }
    let status = child.wait()?;
    if !status.success() {
        return Err(format!("the child: {status}").into());
    }
    times.sort();
    Ok(times[times.len() / 2].as_secs_f64() * 1e9)
}
