//! Busy waiting with an end: look again and again for a short time before going to sleep.
//!
//! A condition that another core makes true within a few microseconds is seen sooner than a sleeper is woken. Each
//! look costs the core that it runs on, and on a machine with one core, or with none to spare, it takes the time from
//! the very process that it waits for.
//!
//! Invariant: the condition is looked at once at least, and no later than the limit for the last time.

use std::time::{Duration, Instant};

/// How many looks there are between two looks at the clock, which costs more than they do.
const LOOKS_PER_CLOCK: u32 = 64;

/// Looks at `ready` until it says true, for at most `limit`, and returns what it said last.
///
/// The processor is told that this is a loop of waiting (`spin_loop`), so that the core's other hardware thread gets
/// more of it. The operating system is not told: it sees a process that works. The limit is kept to within 64 looks.
// ANCHOR: spin
pub fn spin(limit: Duration, mut ready: impl FnMut() -> bool) -> bool {
    if ready() {
        return true;
    }
    let begun = Instant::now();
    while begun.elapsed() < limit {
        for _ in 0..LOOKS_PER_CLOCK {
            std::hint::spin_loop();
            if ready() {
                return true;
            }
        }
    }
    false
}
// ANCHOR_END: spin

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_is_one_look() {
        let mut looks = 0;
        let ready = || {
            looks += 1;
            false
        };
        assert!(!spin(Duration::ZERO, ready));
        assert_eq!(looks, 1);
    }

    #[test]
    fn it_ends_with_the_first_true() {
        let mut looks = 0;
        let ready = || {
            looks += 1;
            looks == 1000
        };
        assert!(spin(Duration::MAX, ready));
        assert_eq!(looks, 1000);
    }

    #[test]
    fn the_limit_is_kept() {
        let begun = Instant::now();
        assert!(!spin(Duration::from_millis(5), || false));
        assert!(begun.elapsed() >= Duration::from_millis(5));
    }
}
