//! How many deaths in how much time are too many.
//!
//! A worker that is replaced whenever it dies hides a fault that kills every worker: the machine would start processes
//! for ever and finish no task. So there is a limit, as in an OTP supervisor: its *intensity* and *period*.
//!
//! Invariant: at most `limit` deaths are remembered, so memory does not grow with the life of the pool.
//!
//! # References
//! Erlang/OTP, "Supervision Principles", "Maximum Restart Intensity".

use std::collections::VecDeque;
use std::time::Duration;

/// Counts deaths and says when there were more than `limit` of them `within` a time.
#[derive(Debug, Clone)]
pub struct Intensity {
    limit: u32,
    within: Duration,
    /// When the latest deaths were, the oldest first, and none of them longer ago than `within`.
    deaths: VecDeque<Duration>,
}

/// What to do about a death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Start another worker.
    Restart,
    /// More workers would only die too.
    GiveUp {
        /// How many there were, this one included.
        deaths: u32,
        /// In this time.
        within: Duration,
    },
}

impl Intensity {
    /// Bears `limit` deaths in any time of the length `within`. With a limit of 0, the first is too many.
    pub fn new(limit: u32, within: Duration) -> Self {
        Intensity { limit, within, deaths: VecDeque::new() }
    }

    // ANCHOR: record
    /// Counts a death at `now`, a time since any start that stays the same. A `now` before that of the last call is
    /// taken for that of the last call.
    ///
    /// ```
    /// use std::time::Duration;
    /// use supervise::{Intensity, Verdict};
    ///
    /// let second = Duration::from_secs(1);
    /// let mut intensity = Intensity::new(2, 5 * second);
    /// assert_eq!(intensity.record(1 * second), Verdict::Restart);
    /// assert_eq!(intensity.record(4 * second), Verdict::Restart);
    /// assert_eq!(intensity.record(7 * second), Verdict::Restart);
    /// assert_eq!(intensity.record(8 * second), Verdict::GiveUp { deaths: 3, within: 5 * second });
    /// ```
    pub fn record(&mut self, now: Duration) -> Verdict {
        let now = self.deaths.back().map_or(now, |last| now.max(*last));
        let since = now.saturating_sub(self.within);
        while self.deaths.front().is_some_and(|death| *death < since) {
            self.deaths.pop_front();
        }
        if self.deaths.len() < self.limit as usize {
            self.deaths.push_back(now);
            return Verdict::Restart;
        }
        // The oldest makes room, so that the next call still knows the latest `limit` deaths.
        if self.deaths.pop_front().is_some() {
            self.deaths.push_back(now);
        }
        Verdict::GiveUp { deaths: self.limit.saturating_add(1), within: self.within }
    }
    // ANCHOR_END: record
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn gives_up(verdict: Verdict) -> bool {
        matches!(verdict, Verdict::GiveUp { .. })
    }

    #[test]
    fn with_a_limit_of_zero_the_first_death_is_too_many() {
        let mut none = Intensity::new(0, seconds(5));
        let verdict = Verdict::GiveUp { deaths: 1, within: seconds(5) };
        assert_eq!([none.record(seconds(0)), none.record(seconds(100))], [verdict; 2]);
    }

    #[test]
    fn a_death_counts_up_to_the_last_moment_of_the_time() {
        let mut at_the_end = Intensity::new(1, seconds(5));
        assert!(!gives_up(at_the_end.record(seconds(10))));
        assert!(gives_up(at_the_end.record(seconds(15))));
        let mut after_it = Intensity::new(1, seconds(5));
        assert!(!gives_up(after_it.record(seconds(10))));
        assert!(!gives_up(after_it.record(seconds(15) + Duration::from_nanos(1))));
    }

    #[test]
    fn a_slow_series_never_ends_and_a_fast_one_always_does() {
        let mut slow = Intensity::new(16, seconds(5));
        assert!((0..1000).all(|nth| !gives_up(slow.record(nth * seconds(5) / 15))));
        let mut fast = Intensity::new(16, seconds(5));
        let first = (0..1000).position(|nth| gives_up(fast.record(nth * seconds(5) / 17)));
        assert_eq!(first, Some(16));
    }

    /// The window says what a plain count over all deaths says, for every series of gaps.
    #[test]
    fn the_window_agrees_with_a_count_over_everything() {
        for seed in 0..200_u64 {
            let (limit, within) = (u32::try_from(seed % 5).expect("small"), seconds(seed % 7));
            let mut intensity = Intensity::new(limit, within);
            let (mut now, mut all, mut state) = (Duration::ZERO, Vec::new(), seed);
            for _ in 0..100 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                now += seconds((state >> 33) % 4);
                all.push(now);
                let recent = all.iter().filter(|death| **death + within >= now).count();
                assert_eq!(gives_up(intensity.record(now)), recent > limit as usize, "{seed}");
                assert!(intensity.deaths.len() <= limit as usize);
            }
        }
    }

    #[test]
    fn a_clock_that_goes_back_and_the_longest_times_harm_nothing() {
        let mut intensity = Intensity::new(1, Duration::MAX);
        assert!(!gives_up(intensity.record(Duration::MAX)));
        assert!(gives_up(intensity.record(Duration::ZERO)));
    }
}
