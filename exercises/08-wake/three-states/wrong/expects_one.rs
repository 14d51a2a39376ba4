//! BUSY_WAIT: sleeps on the 1 that it has just replaced.

use gate::Word;

/// Waits until the lock is free, and takes it.
pub fn lock(word: &Word<'_>) {
    if word.compare_exchange(0, 1).is_ok() {
        return;
    }
    while word.swap(2) != 0 {
        word.wait(1);
    }
}

/// Gives the lock back, and wakes one who waits for it.
pub fn unlock(word: &Word<'_>) {
    if word.swap(0) == 2 {
        word.wake(1);
    }
}
