//! LOST_WAKEUP: looks whether anybody sleeps before it gives the permit back.

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
        } else if permits.compare_exchange(free, free - 1).is_ok() {
            return;
        }
    }
}

/// Gives a permit back, and wakes one process that sleeps for want of one.
pub fn release(permits: &Word<'_>, sleepers: &Word<'_>) {
    let is_wanted = sleepers.load() > 0;
    permits.fetch_add(1);
    if is_wanted {
        permits.wake(1);
    }
}
