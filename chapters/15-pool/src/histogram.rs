//! How long a worker's tasks lasted, as the worker writes it down.
//!
//! [`Shared`] lies in a lane's segment, in buckets as [`Tally`] numbers them: the worker alone writes it, with plain loads
//! and stores, and nobody believes it more than that.

use executor::Tally;
use std::sync::atomic::{AtomicU64, Ordering};

/// The buckets as they lie in a segment.
pub(crate) type Shared = [AtomicU64; Tally::BUCKETS];

/// Counts a time in buckets that this process alone writes.
#[inline]
pub(crate) fn record(buckets: &Shared, ns: u64, times: u64) {
    let bucket = &buckets[Tally::bucket_of(ns)];
    bucket.store(bucket.load(Ordering::Relaxed).wrapping_add(times), Ordering::Relaxed);
}

/// What a worker says of its tasks, and what the program knows of them.
#[derive(Debug)]
pub(crate) struct Said<'s> {
    pub(crate) buckets: &'s Shared,
    pub(crate) max_ns: u64,
    pub(crate) mean_ns: u64,
    /// How many of its answers were taken.
    pub(crate) answered: u64,
    /// How many tasks it has and has not answered.
    pub(crate) in_flight: u64,
    /// How long it has been there.
    pub(crate) lived_ns: u64,
}

impl Said<'_> {
    /// Adds what a worker has written of the tasks that it has answered and those that it may have run since. Those that
    /// it has not measured yet are taken to have lasted the mean. What cannot be (more tasks than it was given, a task
    /// that lasted longer than the worker has lived) is not believed.
    pub(crate) fn add_to(&self, tally: &mut Tally) {
        let max_ns = self.max_ns.min(self.lived_ns);
        let mean_ns = self.mean_ns.min(self.lived_ns);
        let words = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        let written = Tally::from_buckets(words, max_ns);
        let measured = written.tasks();
        let unmeasured = if measured > self.answered.saturating_add(self.in_flight) {
            self.answered
        } else {
            tally.add(&written);
            self.answered.saturating_sub(measured)
        };
        if unmeasured > 0 {
            tally.record(mean_ns, unmeasured);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn shared() -> Box<Shared> {
        Box::new([const { AtomicU64::new(0) }; Tally::BUCKETS])
    }

    fn said(buckets: &Shared) -> Said<'_> {
        Said { buckets, max_ns: 0, mean_ns: 100, answered: 0, in_flight: 0, lived_ns: 1 << 40 }
    }

    #[test]
    fn tasks_that_were_not_measured_are_taken_to_last_the_mean() {
        let buckets = shared();
        record(&buckets, 5_000, 10);
        let mut tally = Tally::default();
        (Said { answered: 1_000, max_ns: 5_000, ..said(&buckets) }).add_to(&mut tally);
        let summary = tally.summary(1_000);
        assert!(summary.p50.as_nanos().abs_diff(100) <= 7, "{summary:?}");
        assert!(summary.p99.as_nanos().abs_diff(100) <= 7, "{summary:?}");
        assert_eq!(summary.max, Duration::from_micros(5));
    }

    #[test]
    fn a_worker_that_claims_too_much_is_not_believed() {
        let buckets = shared();
        record(&buckets, 1 << 48, u64::MAX);
        record(&buckets, 7, u64::MAX);
        let mut tally = Tally::default();
        tally.record(1_000, 1);
        (Said { answered: 3, max_ns: u64::MAX, ..said(&buckets) }).add_to(&mut tally);
        let summary = tally.summary(4);
        assert_eq!((summary.count, summary.max), (4, Duration::from_micros(1)));
        let buckets = shared();
        record(&buckets, 50, 1);
        let lived_ns = 60;
        let mean_ns = u64::MAX;
        let mut tally = Tally::default();
        let said = Said { answered: 2, max_ns: u64::MAX, mean_ns, lived_ns, ..said(&buckets) };
        said.add_to(&mut tally);
        assert_eq!(tally.summary(2).max, Duration::from_nanos(60), "no longer than it lived");
    }

    proptest! {
        #[test]
        fn quantiles_are_those_of_the_sorted_times(
            mut times in prop::collection::vec(0_u64..1 << 48, 1..300)
        ) {
            let (own, other) = times.split_at(times.len() / 2);
            let mut tally = Tally::default();
            own.iter().for_each(|ns| tally.record(*ns, 1));
            let buckets = shared();
            other.iter().for_each(|ns| record(&buckets, *ns, 1));
            let said = Said {
                answered: other.len() as u64,
                max_ns: other.iter().copied().max().unwrap_or(0),
                lived_ns: 1 << 49,
                ..said(&buckets)
            };
            said.add_to(&mut tally);
            let summary = tally.summary(times.len() as u64);
            times.sort_unstable();
            let exact = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1];
            for (told, exact) in [(summary.p50, exact(50)), (summary.p99, exact(99))] {
                let told = told.as_nanos() as u64;
                prop_assert!(told.abs_diff(exact) * 16 <= exact, "{exact} ns: {told} ns");
            }
            prop_assert_eq!(summary.max.as_nanos() as u64, times[times.len() - 1]);
        }

        #[test]
        fn any_bytes_of_a_worker_are_survived(
            words in prop::collection::vec((0..Tally::BUCKETS, any::<u64>()), 0..50),
            max_ns: u64, mean_ns: u64, answered: u64, in_flight: u64, lived_ns: u64,
        ) {
            let buckets = shared();
            for (bucket, word) in words {
                buckets[bucket].store(word, Ordering::Relaxed);
            }
            let mut tally = Tally::default();
            let said =
                Said { buckets: &buckets, max_ns, mean_ns, answered, in_flight, lived_ns };
            said.add_to(&mut tally);
            said.add_to(&mut tally);
            let summary = tally.summary(answered);
            prop_assert!(summary.p50 <= summary.p99 && summary.p99 <= summary.max);
            prop_assert!(summary.max.as_nanos() as u64 <= lived_ns);
        }
    }
}
