//! WRONG_ANSWER: takes a wake-up for a permit. The permit is still there, for the next one too.

use gate::Word;

/// Takes a permit; sleeps as long as there is none.
///
/// `sleepers` is 0 at the start, and yours to use.
pub fn acquire(permits: &Word<'_>, sleepers: &Word<'_>) {
    loop {
        let free = permits.load();
        if free == 0 {
            // Said before the sleep: who releases after this sees it, or the word is not 0 any more.
            sleepers.fetch_add(1);
            permits.wait(0);
            sleepers.fetch_sub(1);
            return;
        } else if permits.compare_exchange(free, free - 1).is_ok() {
            return;
        }
    }
}

/// Gives a permit back, and wakes one process that sleeps for want of one.
pub fn release(permits: &Word<'_>, sleepers: &Word<'_>) {
    permits.fetch_add(1);
    if sleepers.load() > 0 {
        permits.wake(1);
    }
}
