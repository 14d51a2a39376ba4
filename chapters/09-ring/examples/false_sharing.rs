//! Two processes, each with a counter of its own: once in the same cache line, once in lines of their own.
//! Minutes: 3
//!
//! Run it with `cargo run --release --example false_sharing`, on a machine with two processors or more.
//! Look at the price of an increment, though no process ever uses the other's counter.

use byte_ring::layout::LINE_BYTES;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use shared::Segment;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use wait::{Child, Signal};

/// The time that this thread has run.
const CLOCK: ClockId = ClockId::CLOCK_THREAD_CPUTIME_ID;

/// Increments that are measured together.
const INCREMENTS: u64 = 1000;

/// How many such rounds are enough, if the other process was running too.
const ROUNDS: usize = 100;

/// Then it is given up: the processors have too much else to do.
const SEARCH_MAX: Duration = Duration::from_millis(1500);

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    let cpus: Vec<usize> =
        (0..CpuSet::count()).filter(|cpu| allowed.is_set(*cpu).unwrap_or(false)).collect();
    let [one, two, ..] = cpus[..] else {
        println!("this program may use one processor only, and one processor has one cache:");
        println!("there is nothing to see here");
        return Ok(());
    };
    let near = increment_ns(one, two, 8)?;
    let far = increment_ns(one, two, LINE_BYTES)?;
    println!("counters   8 bytes apart: {near:6.1} ns for an increment");
    println!("counters 128 bytes apart: {far:6.1} ns for an increment");
    let more = if near > 2.0 * far { "more than" } else { "less than" };
    println!("in the same line it costs {more} twice as much");
    Ok(())
}

/// The time of an increment while another process increments a counter that is `apart_bytes` away.
///
/// It is the time that this process ran, and only rounds count during which the other ran as well.
fn increment_ns(one: usize, two: usize, apart_bytes: usize) -> Outcome<f64> {
    let segment = Arc::new(Segment::create("counters", 4096)?);
    let (own, others): (&AtomicU64, &AtomicU64) = (segment.at(0)?, segment.at(apart_bytes)?);
    let other = Child::fork(|| match (set_pdeathsig(Signal::SIGKILL), pin(two)) {
        (Ok(()), Ok(())) => loop {
            others.fetch_add(1, Relaxed);
        },
        _ => 1,
    })?;
    pin(one)?;
    let measured = rounds(own, others);
    end(other)?;
    let mut times = measured?;
    times.sort_unstable();
    let median = times.get(times.len() / 2).ok_or("the two never ran at the same time")?;
    Ok(*median as f64 / INCREMENTS as f64)
}

/// The time of each round in ns.
fn rounds(own: &AtomicU64, others: &AtomicU64) -> Outcome<Vec<u64>> {
    let mut times = Vec::with_capacity(ROUNDS);
    let started = Instant::now();
    while times.len() < ROUNDS && started.elapsed() < SEARCH_MAX {
        let (others_before, begun) = (others.load(Relaxed), clock_gettime(CLOCK)?);
        for _ in 0..INCREMENTS {
            own.fetch_add(1, Relaxed);
        }
        let ended = clock_gettime(CLOCK)?;
        if others.load(Relaxed) - others_before >= INCREMENTS / 2 {
            times.push((ended - begun).num_nanoseconds().cast_unsigned());
        }
    }
    Ok(times)
}

fn pin(cpu: usize) -> nix::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &set)
}

fn end(mut child: Child) -> Outcome<()> {
    child.kill(Signal::SIGKILL)?;
    child.wait()?;
    Ok(())
}
