//! Distributions of times in buckets whose width grows with the time: 8 of equal width for each doubling.
//!
//! A time is told as the middle of its bucket, so it is off by at most 1/16 (6.25 %), whether it is a microsecond or an
//! hour.
//!
//! # References
//! Gil Tene, "HdrHistogram", <https://hdrhistogram.github.io/HdrHistogram/>: the idea. The crate `hdrhistogram` owns its
//! counters; a pool of processes has to have them where two processes see them.

use crate::stats::Histogram;
use std::time::Duration;

/// Buckets of equal width per doubling, as a power of two.
const SPLIT_BITS: u32 = 3;
const SPLIT: usize = 1 << SPLIT_BITS;

/// A distribution of times, as it is counted.
///
/// ```
/// use executor::Tally;
/// use std::time::Duration;
///
/// let mut tally = Tally::default();
/// (1..=100).for_each(|ms| tally.record(ms * 1_000_000, 1));
/// let summary = tally.summary(100);
/// assert_eq!(summary.max, Duration::from_millis(100));
/// assert!(summary.p50.as_millis().abs_diff(50) <= 50 / 16 + 1);
/// ```
#[derive(Debug, Clone)]
pub struct Tally {
    buckets: Box<[u64; Tally::BUCKETS]>,
    max_ns: u64,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally { buckets: Box::new([0; Tally::BUCKETS]), max_ns: 0 }
    }
}

impl Tally {
    /// Enough for 2^49 ns, which are six days; what lasts longer is in the last one.
    pub const BUCKETS: usize = 376;

    /// The bucket of a time.
    #[inline]
    pub fn bucket_of(ns: u64) -> usize {
        if ns < SPLIT as u64 {
            return ns as usize;
        }
        let doubling = ns.ilog2() - SPLIT_BITS;
        let place = (ns >> doubling) as usize - SPLIT;
        ((doubling as usize + 1) * SPLIT + place).min(Tally::BUCKETS - 1)
    }

    /// One that was counted elsewhere, in buckets as [`Tally::bucket_of`] numbers them. What is missing is 0.
    pub fn from_buckets(buckets: impl IntoIterator<Item = u64>, max_ns: u64) -> Tally {
        let mut tally = Tally { max_ns, ..Tally::default() };
        tally.buckets.iter_mut().zip(buckets).for_each(|(own, tasks)| *own = tasks);
        tally
    }

    /// How many tasks its buckets hold.
    pub fn tasks(&self) -> u64 {
        self.buckets.iter().fold(0, |sum: u64, one| sum.saturating_add(*one))
    }

    /// Counts so many tasks that lasted so many nanoseconds.
    #[inline]
    pub fn record(&mut self, ns: u64, tasks: u64) {
        let bucket = &mut self.buckets[Tally::bucket_of(ns)];
        *bucket = bucket.saturating_add(tasks);
        self.max_ns = self.max_ns.max(ns);
    }

    /// Counts what another has counted.
    pub fn add(&mut self, other: &Tally) {
        for (own, more) in self.buckets.iter_mut().zip(other.buckets.iter()) {
            *own = own.saturating_add(*more);
        }
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    /// In four numbers, for `count` tasks, which the buckets stand for whether or not each was measured.
    pub fn summary(&self, count: u64) -> Histogram {
        let measured = self.tasks();
        let mut histogram = Histogram { count, ..Histogram::default() };
        if count > 0 && measured > 0 {
            let quantile = |percent: u64| {
                // Rounded up, so that at least so many are not longer.
                let rank = (u128::from(measured) * u128::from(percent)).div_ceil(100) as u64;
                Duration::from_nanos(self.at_rank(rank).min(self.max_ns))
            };
            histogram.p50 = quantile(50);
            histogram.p99 = quantile(99);
            histogram.max = Duration::from_nanos(self.max_ns);
        }
        histogram
    }

    /// The time of the task that `rank` tasks are not longer than.
    fn at_rank(&self, rank: u64) -> u64 {
        let mut below: u64 = 0;
        for (bucket, tasks) in self.buckets.iter().enumerate() {
            below = below.saturating_add(*tasks);
            if below >= rank {
                // The last bucket is open: what it holds may be much longer than its middle.
                return if bucket == Tally::BUCKETS - 1 {
                    self.max_ns
                } else {
                    middle_of(bucket)
                };
            }
        }
        self.max_ns
    }
}

/// The middle of a bucket, in nanoseconds.
fn middle_of(bucket: usize) -> u64 {
    if bucket < SPLIT {
        return bucket as u64;
    }
    let doubling = (bucket / SPLIT - 1) as u32;
    let low = ((SPLIT + bucket % SPLIT) as u64) << doubling;
    low + (1 << doubling) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_follow_one_another_without_a_gap() {
        let mut before = 0;
        for ns in 0..100_000 {
            let bucket = Tally::bucket_of(ns);
            assert!(bucket == before || bucket == before + 1, "{ns} ns: {before}, {bucket}");
            before = bucket;
        }
        assert_eq!(Tally::bucket_of((1 << 49) - 1), Tally::BUCKETS - 1);
        assert_eq!(Tally::bucket_of((1 << 49) - (1 << 45) - 1), Tally::BUCKETS - 2);
        assert_eq!(Tally::bucket_of(u64::MAX), Tally::BUCKETS - 1);
    }

    #[test]
    fn nothing_was_measured_and_nothing_is_claimed() {
        let none = Tally::default().summary(0);
        assert_eq!((none.count, none.p50, none.p99), (0, Duration::ZERO, Duration::ZERO));
    }

    proptest! {
        #[test]
        fn a_time_is_told_within_a_sixteenth(ns in 0_u64..1 << 49) {
            let told = middle_of(Tally::bucket_of(ns));
            prop_assert!(told.abs_diff(ns) * 16 <= ns, "{ns} ns is told as {told} ns");
        }
    }
}
