//! A lock between processes, in one word: 0 is free, 1 is held, 2 is held and somebody may sleep.

use gate::Word;

/// Waits until the lock is free, and takes it.
pub fn lock(word: &Word<'_>) {
    todo!("take the lock, or sleep until it is free")
}

/// Gives the lock back, and wakes one who waits for it.
pub fn unlock(word: &Word<'_>) {
    todo!("free the lock, and wake one who sleeps, if anybody may")
}
