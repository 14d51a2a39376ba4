//! WRONG_ANSWER: takes a wake-up for the lock.

use gate::Word;

/// Waits until the lock is free, and takes it.
pub fn lock(word: &Word<'_>) {
    if word.compare_exchange(0, 1).is_ok() {
        return;
    }
    if word.swap(2) != 0 {
        word.wait(2);
    }
}

/// Gives the lock back, and wakes one who waits for it.
pub fn unlock(word: &Word<'_>) {
    if word.swap(0) == 2 {
        word.wake(1);
    }
}
