//! Tasks that compute for a known time of a processor, and the throughput of a pool that runs them.
//!
//! # References
//! man 2 clock_gettime, "CLOCK_THREAD_CPUTIME_ID".

use anyhow::{Context, Result};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use procpool::{Message, Pool};
use std::hint::black_box;
use std::iter;
use std::time::{Duration, Instant};

/// Computes for so many steps. It touches no memory, calls nobody and cannot be computed in less.
pub fn compute(steps: u64) -> u64 {
    let mut state = black_box(0x9e37_79b9_7f4a_7c15_u64);
    for _ in 0..steps {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state = black_box(state);
    }
    state
}

/// A task that computes, and returns how many microseconds it took and for how many of them it ran.
pub fn compute_and_look(steps: u64) -> (u32, u32) {
    let (begun, before) = (Instant::now(), thread_cpu());
    compute(steps);
    let (took, ran) = (begun.elapsed(), thread_cpu() - before);
    let us = |time: Duration| time.as_micros().try_into().unwrap_or(u32::MAX);
    (us(took), us(ran))
}

/// The processor time of the calling thread.
fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap_or(TimeSpec::new(0, 0));
    time.into()
}

/// How many steps take `cpu` of processor time on this machine. Other work does not count, since the clock is the
/// thread's own.
pub fn steps_for(cpu: Duration) -> u64 {
    const LONG_ENOUGH: Duration = Duration::from_millis(3);
    let took = |steps| {
        let before = thread_cpu();
        compute(steps);
        thread_cpu() - before
    };
    let mut steps = 1 << 10;
    while took(steps) < LONG_ENOUGH {
        steps *= 2;
    }
    // The fastest of some: what slows a thread down (a cold cache, the other half of its core) is never part of the work.
    let fastest = (0..5).map(|_| took(steps)).min().unwrap_or(LONG_ENOUGH);
    let wanted = steps as f64 * cpu.as_secs_f64() / fastest.as_secs_f64();
    (wanted as u64).max(1)
}

/// What a pool did while it always had enough to do.
#[derive(Debug)]
pub struct Steady<R> {
    /// Tasks per second.
    pub rate: f64,
    /// What the counted tasks returned.
    pub results: Vec<R>,
}

/// Gives the pool as many tasks `f(argument)` as it takes, for `warm_up` and then for `window`, and counts from the end of
/// the warm-up until the last one is done.
///
/// A thread that is late to look at its results, on a machine with other work, counts them all the same.
///
/// # Errors
/// Why a task has no result.
pub fn steady<A: Message + Copy, R: Message>(
    pool: &Pool,
    f: fn(A) -> R,
    argument: A,
    warm_up: Duration,
    window: Duration,
) -> Result<Steady<R>> {
    let from = Instant::now() + warm_up;
    let until = from + window;
    let inputs = iter::from_fn(|| (Instant::now() < until).then_some(argument));
    let mut results = Vec::new();
    let mut last = until;
    for (_, result) in pool.map_unordered(f, inputs) {
        let result = result.context("a task failed")?;
        let now = Instant::now();
        if from <= now {
            results.push(result);
            last = last.max(now);
        }
    }
    Ok(Steady { rate: results.len() as f64 / (last - from).as_secs_f64(), results })
}

/// Lets this process, and what it starts from now on, run on the first `count` of its processors only.
///
/// # Errors
/// What the kernel says.
pub fn use_at_most(count: usize) -> Result<()> {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this).context("sched_getaffinity")?;
    let mut chosen = CpuSet::new();
    let numbers = (0..CpuSet::count()).filter(|cpu| allowed.is_set(*cpu) == Ok(true));
    for cpu in numbers.take(count.max(1)) {
        chosen.set(cpu).context("CPU_SET")?;
    }
    sched_setaffinity(this, &chosen).context("sched_setaffinity")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_steps_take_about_so_long() {
        let wanted = Duration::from_millis(4);
        let steps = steps_for(wanted);
        let before = thread_cpu();
        compute(steps);
        let took = thread_cpu() - before;
        assert!(took > wanted / 4 && took < wanted * 4, "{took:?}");
    }

    #[test]
    fn more_steps_are_another_result() {
        assert_ne!(compute(1), compute(2));
        assert_eq!(compute(1000), compute(1000));
    }
}
