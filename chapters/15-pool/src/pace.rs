//! How long a worker's tasks last, measured by the worker itself.
//!
//! The program cannot measure it: what it sees includes the time for which the worker waited for a processor. The clock
//! is read for every task that lasts long and for one in [`EVERY`] of the short ones, so that it costs a short task
//! next to nothing.

use std::time::{Duration, Instant};

/// Of short tasks one in so many is measured.
const EVERY: u32 = 16;
/// From this mean on every task is measured.
const LONG: Duration = Duration::from_micros(10);
/// One measurement counts for at most so many times the mean: now and then a task is interrupted in the middle.
const JUMP_MAX: u64 = 8;

/// A mean over the last measured tasks.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// 0 before the first task.
    mean_ns: u64,
    since_measured: u32,
}

impl Pace {
    /// The time, if the next task is to be measured.
    #[inline]
    pub(crate) fn begin(&mut self) -> Option<Instant> {
        self.since_measured += 1;
        if self.since_measured < EVERY
            && self.mean_ns > 0
            && self.mean_ns < LONG.as_nanos() as u64
        {
            return None;
        }
        self.since_measured = 0;
        Some(Instant::now())
    }

    /// The worker had to wait for a task: the next one is measured.
    pub(crate) fn paused(&mut self) {
        self.since_measured = EVERY;
    }

    /// The mean after a measured task that began at `start`, in nanoseconds.
    #[cold]
    pub(crate) fn end(&mut self, start: Instant) -> u64 {
        let took_ns = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1);
        self.add(took_ns)
    }

    fn add(&mut self, took_ns: u64) -> u64 {
        self.mean_ns = match self.mean_ns {
            0 => took_ns,
            mean => {
                let took_ns = took_ns.min(mean.saturating_mul(JUMP_MAX).max(1_000));
                (mean.saturating_mul(3).saturating_add(took_ns) / 4).max(1)
            }
        };
        self.mean_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_interruption_does_not_make_short_tasks_long() {
        let mut pace = Pace::default();
        for _ in 0..50 {
            pace.add(100);
        }
        let interrupted = pace.add(4_000_000);
        assert!(interrupted < 1_000, "{interrupted} ns");
    }

    #[test]
    fn tasks_that_have_become_long_are_seen_soon() {
        let mut pace = Pace::default();
        pace.add(100);
        let mean = (0..30).map(|_| pace.add(10_000_000)).last();
        assert!(mean.is_some_and(|mean| mean > 5_000_000), "{mean:?} ns");
    }

    #[test]
    fn only_long_tasks_are_all_measured() {
        let mut pace = Pace::default();
        assert!(pace.begin().is_some(), "the first");
        pace.add(100);
        let measured = (0..160).filter(|_| pace.begin().is_some()).count();
        assert_eq!(measured, 160 / EVERY as usize);
        pace.paused();
        assert!(pace.begin().is_some(), "after a pause");
        let mut pace = Pace::default();
        pace.add(1_000_000);
        assert!((0..10).all(|_| pace.begin().is_some()));
    }
}
