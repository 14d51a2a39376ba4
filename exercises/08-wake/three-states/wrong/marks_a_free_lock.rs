//! LOST_WAKEUP: writes the 2 without a look at what was there: it may have become free.

use gate::Word;

/// Waits until the lock is free, and takes it.
pub fn lock(word: &Word<'_>) {
    while word.compare_exchange(0, 1).is_err() {
        word.store(2);
        word.wait(2);
    }
}

/// Gives the lock back, and wakes one who waits for it.
pub fn unlock(word: &Word<'_>) {
    if word.swap(0) == 2 {
        word.wake(1);
    }
}
