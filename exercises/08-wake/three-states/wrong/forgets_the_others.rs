//! LOST_WAKEUP: takes the lock as 1 after its sleep, since it waits no more. The others still do.

use gate::Word;

/// Waits until the lock is free, and takes it.
pub fn lock(word: &Word<'_>) {
    while word.compare_exchange(0, 1).is_err() {
        if word.load() == 2 || word.compare_exchange(1, 2).is_ok() {
            word.wait(2);
        }
    }
}

/// Gives the lock back, and wakes one who waits for it.
pub fn unlock(word: &Word<'_>) {
    if word.swap(0) == 2 {
        word.wake(1);
    }
}
