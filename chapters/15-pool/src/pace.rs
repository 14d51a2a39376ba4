//! How long a worker's tasks last, measured by the worker itself.
//!
//! The program cannot measure it: what it sees includes the time for which the worker waited for a processor. The clock
//! is read for every task that lasts long and for one in [`EVERY`] of the short ones, so that it costs a short task
//! next to nothing.

use crate::clock::now_ns;
use std::time::Duration;

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
    /// Tasks begun since the last measured one, the one under way included.
    since_measured: u32,
    is_due: bool,
    /// Up to when every task is accounted for.
    accounted_ns: u64,
    /// How long the worker had waited until then with a task in its hands.
    waited_ns: u64,
}

/// What one measurement says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) took_ns: u64,
    /// The ones since the measurement before.
    pub(crate) others: Others,
    /// The mean from now on.
    pub(crate) mean_ns: u64,
    /// When it ended: up to then every task is accounted for.
    pub(crate) ended_ns: u64,
}

/// Tasks that were not measured, one after the other without a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Others {
    pub(crate) count: u64,
    /// How long each is taken to have lasted, save the long one.
    pub(crate) each_ns: u64,
    /// How long one of them must have lasted, if they were together far longer than they are taken for.
    pub(crate) long_ns: Option<u64>,
    /// How long they are taken to have lasted together.
    pub(crate) sum_ns: u64,
}

impl Pace {
    /// The time, if the next task is to be measured; with `all` it always is.
    #[inline]
    pub(crate) fn begin(&mut self, all: bool) -> Option<u64> {
        self.since_measured += 1;
        if !(all || self.is_due)
            && self.since_measured < EVERY
            && self.mean_ns > 0
            && self.mean_ns < LONG.as_nanos() as u64
        {
            return None;
        }
        let now_ns = now_ns();
        // What was before the pause is accounted for, and the pause is nobody's.
        if std::mem::take(&mut self.is_due) || self.accounted_ns == 0 {
            self.accounted_ns = now_ns;
        }
        Some(now_ns)
    }

    /// What was begun last was no task.
    pub(crate) fn did_not_begin(&mut self) {
        self.since_measured = self.since_measured.saturating_sub(1);
    }

    /// Up to when every task is accounted for.
    pub(crate) fn accounted_ns(&self) -> u64 {
        self.accounted_ns
    }

    /// The worker has to wait for a task: the next one is measured, and those that were not are accounted for now.
    /// `waited_ns`: how long it has waited so far for other reasons.
    pub(crate) fn paused(&mut self, waited_ns: u64) -> Option<(Others, u64)> {
        self.is_due = true;
        if self.since_measured == 0 {
            return None;
        }
        let count = std::mem::take(&mut self.since_measured);
        let now_ns = now_ns();
        Some((self.others(count, now_ns, now_ns, waited_ns), now_ns))
    }

    /// The end of a measured task that began at `start_ns`.
    #[cold]
    pub(crate) fn end(&mut self, start_ns: u64, waited_ns: u64) -> Measured {
        let ended_ns = now_ns();
        let took_ns = ended_ns.saturating_sub(start_ns).max(1);
        let count = std::mem::take(&mut self.since_measured).saturating_sub(1);
        let others = self.others(count, start_ns, ended_ns, waited_ns);
        Measured { took_ns, others, mean_ns: self.add(took_ns), ended_ns }
    }

    /// So many tasks have been run since the last account, and had until `until_ns` for it.
    fn others(&mut self, count: u32, until_ns: u64, now_ns: u64, waited_ns: u64) -> Others {
        let waited =
            waited_ns.saturating_sub(std::mem::replace(&mut self.waited_ns, waited_ns));
        let accounted_ns = std::mem::replace(&mut self.accounted_ns, now_ns);
        let had_ns = until_ns.saturating_sub(accounted_ns).saturating_sub(waited);
        let count = u64::from(count);
        // They were taken to be short, and like each other.
        let expected_ns = count.saturating_mul(self.mean_ns);
        let rest_ns = had_ns.saturating_sub(expected_ns.saturating_sub(self.mean_ns));
        let is_long =
            rest_ns > (LONG.as_nanos() as u64).max(self.mean_ns.saturating_mul(JUMP_MAX));
        Others {
            count,
            each_ns: self.mean_ns,
            long_ns: (count > 0 && is_long).then_some(rest_ns),
            sum_ns: if count > 0 && is_long { had_ns } else { expected_ns.min(had_ns) },
        }
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
        let mut counted = 0;
        let mut is_measured = |pace: &mut Pace, all| {
            let Some(start_ns) = pace.begin(all) else { return false };
            counted += 1 + pace.end(start_ns, 0).others.count;
            // However long the machine really took.
            pace.mean_ns = 100;
            true
        };
        assert!(is_measured(&mut pace, false), "the first");
        let measured = (0..160).filter(|_| is_measured(&mut pace, false)).count();
        assert_eq!(measured, 160 / EVERY as usize);
        assert_eq!(pace.paused(0), None, "all are accounted for");
        assert!(is_measured(&mut pace, false), "after a pause");
        assert!((0..10).all(|_| is_measured(&mut pace, true)), "when all are asked for");
        assert_eq!(counted, 1 + 160 + 1 + 10, "every task is in one measurement");
        let mut pace = Pace::default();
        pace.add(1_000_000);
        assert!((0..10).all(|_| pace.begin(false).is_some()));
    }
    #[test]
    fn what_was_not_measured_is_accounted_for_at_a_pause() {
        let mut pace = Pace { mean_ns: 1_000, accounted_ns: 50_000, ..Pace::default() };
        assert!((0..5).all(|_| pace.begin(false).is_none()));
        let (others, now_ns) = pace.paused(0).expect("five tasks");
        assert_eq!((others.count, others.each_ns), (5, 1_000));
        assert_eq!(pace.accounted_ns(), now_ns);
        assert_eq!(pace.paused(0), None);
    }

    #[test]
    fn a_long_task_among_short_ones_shows_in_the_time_they_had() {
        let mut pace = Pace { mean_ns: 1_000, accounted_ns: 1, ..Pace::default() };
        let even = pace.others(15, 20_001, 20_001, 0);
        let each_ns = 1_000;
        assert_eq!(even, Others { count: 15, each_ns, long_ns: None, sum_ns: 15_000 });
        let uneven = pace.others(15, 20_001 + 5_014_000, 5_100_000, 0);
        let long_ns = Some(5_000_000);
        assert_eq!(uneven, Others { count: 15, each_ns, long_ns, sum_ns: 5_014_000 });
        let waited = pace.others(15, 10_100_000, 10_100_000, 4_990_000);
        assert_eq!(waited, Others { count: 15, each_ns, long_ns: None, sum_ns: 10_000 });
        let none = pace.others(0, 99_100_000, 99_100_000, 4_990_000);
        assert_eq!((none.count, none.long_ns, none.sum_ns), (0, None, 0));
    }
}
