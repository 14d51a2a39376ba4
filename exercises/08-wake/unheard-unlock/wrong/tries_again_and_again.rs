//! BUSY_WAIT: asks try_lock until it says yes, since lock does not return.

use std::io;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};

use shared::Segment;

/// How many bytes at the start of the segment are the lock's, at most.
pub const LEN_BYTES: usize = 64;

/// A lock in a segment. A process that is forked has the same lock.
pub struct Lock {
    mutex: NonNull<Mutex<()>>,
    /// Kept for the mapping that the pointer points into.
    segment: Arc<Segment>,
}

impl Lock {
    /// Makes the lock at the start of a new segment of zeros.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(segment: Arc<Segment>) -> io::Result<Lock> {
        const { assert!(size_of::<Mutex<()>>() <= LEN_BYTES) };
        let mutex = segment.as_ptr().cast::<Mutex<()>>();
        // SAFETY: the start of a page is aligned and has room for it, and nobody else uses it yet.
        unsafe { mutex.write(Mutex::new(())) };
        Ok(Lock { mutex, segment })
    }

    /// Waits until no other process has the lock, takes it, runs `work` and gives it back.
    ///
    /// # Errors
    /// If the lock cannot be taken.
    pub fn with<T>(&self, work: impl FnOnce() -> T) -> io::Result<T> {
        // SAFETY: `new` has made a mutex there, and `self` keeps the segment mapped.
        let mutex = unsafe { self.mutex.as_ref() };
        let guard = loop {
            if let Ok(guard) = mutex.try_lock() {
                break guard;
            }
            std::thread::yield_now();
        };
        let result = work();
        drop(guard);
        Ok(result)
    }
}
