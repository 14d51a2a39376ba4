//! Whether it pays to look for a moment before sleeping.
//!
//! It pays if what is looked for comes meanwhile, from another processor. If it does not (the task is longer, or the other
//! processors are busy with something else and the peer waits for this one), looking only keeps the peer from running.
//! So it is given up after a few failures in a row, and tried again now and then.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How long to look: about what it costs to sleep and to be woken on a processor that has been halted meanwhile, so that
/// looking in vain costs at most twice the best.
const LOOK: Duration = Duration::from_micros(40);
/// How long to look for what a ring has announced: a copy of some hundred kilobytes.
pub(crate) const ANNOUNCED: Duration = Duration::from_micros(100);
/// So many failures in a row end it.
const FAILURES_MAX: u32 = 3;
/// Then one wait in so many looks again.
const AGAIN_EVERY: u32 = 128;

/// How looking has gone lately. A counter that is read and written by several threads without order: it is a guess.
#[derive(Debug, Default)]
pub(crate) struct Patience(AtomicU32);

impl Patience {
    /// Looks at `ready` for a moment, if that has paid lately; whether it said yes.
    pub(crate) fn look(&self, ready: impl FnMut() -> bool) -> bool {
        let failures = self.0.load(Ordering::Relaxed);
        if failures >= FAILURES_MAX && !failures.is_multiple_of(AGAIN_EVERY) {
            self.0.store(failures.wrapping_add(1).max(FAILURES_MAX), Ordering::Relaxed);
            return false;
        }
        let found = wake::spin(LOOK, ready);
        let failures = if found { 0 } else { failures.wrapping_add(1) };
        self.0.store(failures, Ordering::Relaxed);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_up_after_failures_and_tries_again_later() {
        let patience = Patience::default();
        let looks = std::cell::Cell::new(0);
        let mut looked = Vec::new();
        for _ in 0..3 * AGAIN_EVERY {
            let before = looks.get();
            patience.look(|| {
                looks.set(looks.get() + 1);
                false
            });
            looked.push(looks.get() > before);
        }
        assert!(looked[..FAILURES_MAX as usize].iter().all(|looked| *looked));
        let later = looked[FAILURES_MAX as usize..].iter().filter(|looked| **looked).count();
        assert!((1..=4).contains(&later), "{later} looks");
    }

    #[test]
    fn success_keeps_it_looking() {
        let patience = Patience::default();
        assert!((0..1_000).all(|_| patience.look(|| true)));
    }
}
