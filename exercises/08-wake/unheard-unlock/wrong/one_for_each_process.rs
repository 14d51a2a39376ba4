//! WRONG_ANSWER: puts the mutex into memory of its own: each process that is forked has a copy.

use std::io;
use std::sync::{Arc, Mutex};

use shared::Segment;

/// How many bytes at the start of the segment are the lock's, at most.
pub const LEN_BYTES: usize = 64;

/// A lock in a segment. A process that is forked has the same lock.
pub struct Lock {
    mutex: Arc<Mutex<()>>,
}

impl Lock {
    /// Makes the lock at the start of a new segment of zeros.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(segment: Arc<Segment>) -> io::Result<Lock> {
        Ok(Lock { mutex: Arc::new(Mutex::new(())) })
    }

    /// Waits until no other process has the lock, takes it, runs `work` and gives it back.
    ///
    /// # Errors
    /// If the lock cannot be taken.
    pub fn with<T>(&self, work: impl FnOnce() -> T) -> io::Result<T> {
        let guard = self.mutex.lock().map_err(|error| io::Error::other(error.to_string()))?;
        let result = work();
        drop(guard);
        Ok(result)
    }
}
