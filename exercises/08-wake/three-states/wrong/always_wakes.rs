//! NEEDLESS_WAKE: wakes at every unlock, to be sure.

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
    word.swap(0);
    word.wake(1);
}
