//! PRIVATE_FUTEX: makes its own lock, with the calls that are said to be cheaper.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use shared::Segment;
use wake::futex;

/// How many bytes at the start of the segment are the lock's, at most.
pub const LEN_BYTES: usize = 64;

/// A lock in a segment. A process that is forked has the same lock.
pub struct Lock {
    segment: Arc<Segment>,
}

impl Lock {
    /// Makes the lock at the start of a new segment of zeros.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(segment: Arc<Segment>) -> io::Result<Lock> {
        Ok(Lock { segment })
    }

    /// Waits until no other process has the lock, takes it, runs `work` and gives it back.
    ///
    /// # Errors
    /// If the lock cannot be taken.
    pub fn with<T>(&self, work: impl FnOnce() -> T) -> io::Result<T> {
        let word: &AtomicU32 = self.segment.at(0)?;
        if word.compare_exchange(0, 1, SeqCst, SeqCst).is_err() {
            while word.swap(2, SeqCst) != 0 {
                futex::private::wait(word, 2, None)?;
            }
        }
        let result = work();
        if word.swap(0, SeqCst) == 2 {
            futex::private::wake(word, 1);
        }
        Ok(result)
    }
}
