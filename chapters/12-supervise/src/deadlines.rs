//! Which limit of time is over next.
//!
//! One timer of the kernel is enough for a whole pool: it is set to [`Deadlines::next_due`], and when it has gone off
//! [`Deadlines::expired`] says for whom.
//!
//! Invariant: both collections hold the same pairs, so a cancelled deadline takes no memory and never goes off.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Deadlines by key, at most one for each; a time is a `Duration` since any start that stays the same.
#[derive(Debug, Clone)]
pub struct Deadlines<K> {
    by_time: BTreeSet<(Duration, K)>,
    by_key: BTreeMap<K, Duration>,
}

impl<K: Ord + Copy> Deadlines<K> {
    /// None yet.
    pub fn new() -> Self {
        Deadlines { by_time: BTreeSet::new(), by_key: BTreeMap::new() }
    }

    /// Sets the deadline of `key`, in place of the one that it had.
    pub fn insert(&mut self, due: Duration, key: K) {
        self.cancel(key);
        self.by_time.insert((due, key));
        self.by_key.insert(key, due);
    }

    /// Takes back the deadline of `key`; false if it has none, because it was never set or is expired.
    pub fn cancel(&mut self, key: K) -> bool {
        let due = self.by_key.remove(&key);
        due.is_some_and(|due| self.by_time.remove(&(due, key)))
    }

    /// Whether `key` has a deadline that has not expired.
    pub fn is_set(&self, key: K) -> bool {
        self.by_key.contains_key(&key)
    }

    /// When the next one is due: what to set the timer to.
    pub fn next_due(&self) -> Option<Duration> {
        self.by_time.first().map(|(due, _)| *due)
    }

    /// Takes out all that are due at `now` or were before, the earliest first.
    pub fn expired(&mut self, now: Duration) -> Vec<K> {
        let mut expired = Vec::new();
        while let Some((due, key)) = self.by_time.first().copied()
            && due <= now
        {
            self.cancel(key);
            expired.push(key);
        }
        expired
    }
}

impl<K: Ord + Copy> Deadlines<K> {
    /// How many are set.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether none is set.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

impl<K: Ord + Copy> Default for Deadlines<K> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn they_come_in_the_order_of_their_times_and_once() {
        let mut deadlines = Deadlines::new();
        for (due, key) in [(30, 'c'), (10, 'a'), (20, 'b'), (10, 'z')] {
            deadlines.insert(ms(due), key);
        }
        assert_eq!(deadlines.next_due(), Some(ms(10)));
        assert_eq!(deadlines.expired(ms(9)), []);
        assert_eq!(deadlines.expired(ms(20)), ['a', 'z', 'b']);
        assert_eq!(deadlines.expired(ms(20)), []);
        assert_eq!((deadlines.next_due(), deadlines.len()), (Some(ms(30)), 1));
    }

    #[test]
    fn a_key_has_one_deadline_and_a_cancelled_one_none() {
        let mut deadlines = Deadlines::new();
        deadlines.insert(ms(10), 1);
        deadlines.insert(ms(50), 1);
        assert_eq!((deadlines.expired(ms(49)), deadlines.len()), (vec![], 1));
        assert!(deadlines.is_set(1) && !deadlines.is_set(2));
        assert!(deadlines.cancel(1));
        assert!(!deadlines.cancel(1));
        assert_eq!((deadlines.expired(Duration::MAX), deadlines.next_due()), (vec![], None));
        assert!(deadlines.is_empty() && deadlines.by_time.is_empty());
    }
}
