//! How many tasks go into a chunk: so many that a worker has about [`CHUNK_NS`] to do.
//!
//! A message through the server costs tens of microseconds of processor time, whatever is in it. A chunk that takes some
//! milliseconds makes that small, and is short enough to be redone or to be waited for at the end of a map.

use std::collections::HashMap;

/// How long a worker should have to do with a chunk.
const CHUNK_NS: u64 = 10_000_000;
/// The most tasks in a chunk, however short they are.
pub(crate) const CHUNK_TASKS_MAX: usize = 4096;
/// Functions whose time is remembered. The pool of a program that calls more of them forgets all and learns again.
const CALLS_MAX: usize = 4096;
/// A task that takes no measurable time costs so much in handing it on.
const TASK_NS_MIN: u64 = 1_000;
/// The weight of what is new in the average, as a fraction of this.
const MEMORY: f64 = 8.0;

/// How long tasks take, by function: a moving average, in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Pace(HashMap<u64, f64>);

impl Pace {
    /// Notes that a task took so long.
    pub(crate) fn learn(&mut self, call: u64, run_ns: u64) {
        if self.0.len() >= CALLS_MAX && !self.0.contains_key(&call) {
            self.0.clear();
        }
        let run_ns = run_ns as f64;
        self.0
            .entry(call)
            .and_modify(|average| {
                // A rise is believed at once: too long a chunk keeps others waiting, too short a one costs little.
                let weight = if run_ns > *average * 4.0 { 2.0 } else { MEMORY };
                *average += (run_ns - *average) / weight;
            })
            .or_insert(run_ns);
    }

    /// What a task takes of a chunk, where a whole chunk is [`Filling::FULL`].
    pub(crate) fn share_ns(&self, call: u64) -> u64 {
        // Nobody knows yet: the first ones go alone.
        self.0.get(&call).map_or(CHUNK_NS, |average| (*average as u64).max(TASK_NS_MIN))
    }
}

/// A chunk as it is filled.
#[derive(Debug, Default)]
pub(crate) struct Filling {
    ns: u64,
    bytes: usize,
    tasks: usize,
}

impl Filling {
    /// So many equal tasks without arguments.
    pub(crate) fn of(tasks: usize, share_ns: u64) -> Filling {
        Filling { ns: share_ns.saturating_mul(tasks as u64), bytes: 0, tasks }
    }

    /// Takes a task in, unless it is one too many. The first always fits.
    pub(crate) fn add(&mut self, share_ns: u64, bytes: usize, bytes_max: usize) -> bool {
        let fits = self.ns.saturating_add(share_ns) <= CHUNK_NS
            && self.bytes + bytes <= bytes_max
            && self.tasks < CHUNK_TASKS_MAX;
        if !fits && self.tasks > 0 {
            return false;
        }
        self.ns = self.ns.saturating_add(share_ns);
        self.bytes += bytes;
        self.tasks += 1;
        true
    }

    /// Whether it is worth waiting for more.
    pub(crate) fn has_room(&self, bytes_max: usize) -> bool {
        self.tasks > 0
            && self.ns < CHUNK_NS / 2
            && self.bytes < bytes_max / 2
            && self.tasks < CHUNK_TASKS_MAX / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks_in_a_chunk(pace: &Pace, call: u64, bytes: usize) -> usize {
        let mut filling = Filling::default();
        (0..).take_while(|_| filling.add(pace.share_ns(call), bytes, 256 << 10)).count()
    }

    #[test]
    fn a_chunk_is_about_ten_milliseconds() {
        let mut pace = Pace::default();
        assert_eq!(tasks_in_a_chunk(&pace, 1, 8), 1, "nobody knows how long it takes");
        (0..50).for_each(|_| pace.learn(1, 100_000));
        assert_eq!(tasks_in_a_chunk(&pace, 1, 8), 100);
        (0..50).for_each(|_| pace.learn(2, 20));
        assert_eq!(tasks_in_a_chunk(&pace, 2, 8), CHUNK_TASKS_MAX);
        assert_eq!(tasks_in_a_chunk(&pace, 2, 64 << 10), 4, "256 KiB");
        (0..50).for_each(|_| pace.learn(3, 3_000_000_000));
        assert_eq!(tasks_in_a_chunk(&pace, 3, 8), 1);
        assert_eq!(tasks_in_a_chunk(&pace, 3, 1 << 20), 1, "one always fits");
    }

    #[test]
    fn a_function_that_becomes_slow_is_noticed_soon() {
        let mut pace = Pace::default();
        (0..1000).for_each(|_| pace.learn(1, 1_000));
        (0..3).for_each(|_| pace.learn(1, 10_000_000));
        assert!(tasks_in_a_chunk(&pace, 1, 8) < 4);
    }

    #[test]
    fn it_forgets_rather_than_grows() {
        let mut pace = Pace::default();
        (0..3 * CALLS_MAX as u64).for_each(|call| pace.learn(call, 1));
        assert!(pace.0.len() <= CALLS_MAX);
    }
}
