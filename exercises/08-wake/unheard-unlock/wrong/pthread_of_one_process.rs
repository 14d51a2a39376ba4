//! PRIVATE_FUTEX: takes the C library's mutex as it is, without PTHREAD_PROCESS_SHARED.

use std::io;
use std::ptr::NonNull;
use std::sync::Arc;

use shared::Segment;

/// How many bytes at the start of the segment are the lock's, at most.
pub const LEN_BYTES: usize = 64;

/// A lock in a segment. A process that is forked has the same lock.
pub struct Lock {
    mutex: NonNull<libc::pthread_mutex_t>,
    /// Kept for the mapping that the pointer points into.
    segment: Arc<Segment>,
}

impl Lock {
    /// Makes the lock at the start of a new segment of zeros.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(segment: Arc<Segment>) -> io::Result<Lock> {
        let mutex = segment.as_ptr().cast::<libc::pthread_mutex_t>();
        // SAFETY: the start of a page is aligned and has room for it, and nobody else uses it yet.
        unsafe { mutex.write(libc::PTHREAD_MUTEX_INITIALIZER) };
        Ok(Lock { mutex, segment })
    }

    /// Waits until no other process has the lock, takes it, runs `work` and gives it back.
    ///
    /// # Errors
    /// If the lock cannot be taken.
    pub fn with<T>(&self, work: impl FnOnce() -> T) -> io::Result<T> {
        // SAFETY: `new` has made a mutex there, and `self` keeps the segment mapped.
        match unsafe { libc::pthread_mutex_lock(self.mutex.as_ptr()) } {
            0 => {}
            errno => return Err(io::Error::from_raw_os_error(errno)),
        }
        let result = work();
        // SAFETY: as above.
        unsafe { libc::pthread_mutex_unlock(self.mutex.as_ptr()) };
        Ok(result)
    }
}
