//! A lock between processes, in one word: 0 is free, 1 is held, 2 is held and somebody may sleep.

use gate::Word;

/// Waits until the lock is free, and takes it.
pub fn lock(word: &Word<'_>) {
    if word.compare_exchange(0, 1).is_ok() {
        return;
    }
    // From here on somebody may sleep, so whoever has the lock must know it: also this process, when it gets it.
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
