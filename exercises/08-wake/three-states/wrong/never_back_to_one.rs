//! NEEDLESS_WAKE: says that somebody may sleep whenever it takes the lock.

use gate::Word;

/// Waits until the lock is free, and takes it.
pub fn lock(word: &Word<'_>) {
    while word.swap(2) != 0 {
        word.wait(2);
    }
}

/// Gives the lock back, and wakes one who waits for it.
pub fn unlock(word: &Word<'_>) {
    if word.swap(0) == 2 {
        word.wake(1);
    }
}
