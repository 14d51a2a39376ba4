//! BUSY_WAIT: takes the lock as soon as it is free, and looks until then.

use gate::Word;

/// Waits until the lock is free, and takes it.
pub fn lock(word: &Word<'_>) {
    while word.compare_exchange(0, 1).is_err() {
        std::hint::spin_loop();
    }
}

/// Gives the lock back, and wakes one who waits for it.
pub fn unlock(word: &Word<'_>) {
    word.store(0);
}
