//! PRIVATE_FUTEX: takes the other lock of the standard library.

use std::io;
use std::ptr::NonNull;
use std::sync::{Arc, RwLock};

use shared::Segment;

/// How many bytes at the start of the segment are the lock's, at most.
pub const LEN_BYTES: usize = 64;

/// A lock in a segment. A process that is forked has the same lock.
pub struct Lock {
    mutex: NonNull<RwLock<()>>,
    /// Kept for the mapping that the pointer points into.
    segment: Arc<Segment>,
}

impl Lock {
    /// Makes the lock at the start of a new segment of zeros.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(segment: Arc<Segment>) -> io::Result<Lock> {
        const { assert!(size_of::<RwLock<()>>() <= LEN_BYTES) };
        let mutex = segment.as_ptr().cast::<RwLock<()>>();
        // SAFETY: the start of a page is aligned and has room for it, and nobody else uses it yet.
        unsafe { mutex.write(RwLock::new(())) };
        Ok(Lock { mutex, segment })
    }

    /// Waits until no other process has the lock, takes it, runs `work` and gives it back.
    ///
    /// # Errors
    /// If the lock cannot be taken.
    pub fn with<T>(&self, work: impl FnOnce() -> T) -> io::Result<T> {
        // SAFETY: `new` has made a lock there, and `self` keeps the segment mapped.
        let mutex = unsafe { self.mutex.as_ref() };
        let guard = mutex.write().map_err(|error| io::Error::other(error.to_string()))?;
        let result = work();
        drop(guard);
        Ok(result)
    }
}
