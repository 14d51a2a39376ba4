//! A lock between processes that survives its owner: the next one to lock it learns that the owner died.
//!
//! It is the C library's mutex, process-shared and robust. Who locks it writes the number of its thread into the word
//! and enters the lock into a list that its thread keeps for the kernel. When the thread ends, in whatever way, the
//! kernel walks that list, marks the words and wakes a waiter. What the owner was doing to the data the kernel cannot
//! know.
//!
//! The lock has pointers inside that the C library follows, so whoever can write its bytes must be trusted: making or
//! opening one is `unsafe`.
//!
//! Invariant: as long as a thread holds the lock, the segment that it is in stays mapped, even if the guard is leaked.
//!
//! # References
//! man 3 pthread_mutexattr_setrobust; man 2 set_robust_list; Linux, `Documentation/locking/robust-futexes.rst`.

use shared::Segment;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::Arc;

/// A mutex in a segment, for all processes that map it. It guards what its users agree on; it has no data of its own.
#[derive(Debug, Clone)]
pub struct RobustMutex {
    mutex: NonNull<libc::pthread_mutex_t>,
    /// Kept for the mapping that the pointer points into.
    _segment: Arc<Segment>,
}

// SAFETY: a pthread mutex is made to be used by several threads at once, and the segment goes where the pointer goes.
unsafe impl Send for RobustMutex {}
// SAFETY: as above.
unsafe impl Sync for RobustMutex {}

impl RobustMutex {
    /// The room that it takes in a segment, in bytes.
    pub const LEN_BYTES: usize = size_of::<libc::pthread_mutex_t>();

    /// Makes an unlocked mutex at `offset_bytes` of a segment, a multiple of 8.
    ///
    /// # Safety
    /// The [`LEN_BYTES`](Self::LEN_BYTES) there are used for nothing else, by any process, as long as one has the
    /// segment mapped. No mutex was made there before.
    ///
    /// # Errors
    /// [`RobustMutexError::Misplaced`] if it would not lie inside the segment or not be aligned.
    ///
    /// # References
    /// man 3 pthread_mutex_init.
    pub unsafe fn create(
        segment: Arc<Segment>,
        offset_bytes: usize,
    ) -> Result<RobustMutex, RobustMutexError> {
        let mutex = place(&segment, offset_bytes)?;
        let attributes =
            Attributes::process_shared_and_robust().map_err(RobustMutexError::Os)?;
        // SAFETY: `place` checked that the bytes are mapped and aligned; the caller keeps everybody else away.
        succeed(unsafe { libc::pthread_mutex_init(mutex.as_ptr(), &raw const attributes.0) })
            .map_err(RobustMutexError::Os)?;
        Ok(RobustMutex { mutex, _segment: segment })
    }

    /// The mutex that another process made at `offset_bytes` of this segment.
    ///
    /// # Safety
    /// [`create`](Self::create) has returned for these bytes, in a process with the same C library, and nobody has
    /// written there since but through a `RobustMutex`.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub unsafe fn open(
        segment: Arc<Segment>,
        offset_bytes: usize,
    ) -> Result<RobustMutex, RobustMutexError> {
        let mutex = place(&segment, offset_bytes)?;
        Ok(RobustMutex { mutex, _segment: segment })
    }

    // ANCHOR: lock
    /// Waits until the lock is free, and takes it.
    ///
    /// # Errors
    /// [`LockError::OwnerDied`] if the last owner ended without unlocking: the lock is
    /// taken, and the error has the guard. The others do not take it.
    pub fn lock(&self) -> Result<Guard, LockError> {
        // SAFETY: who made this value promised that a mutex is there.
        let outcome = unsafe { libc::pthread_mutex_lock(self.mutex.as_ptr()) };
        self.locked(outcome)
    }

    /// Takes the lock if it is free; `None` if somebody has it.
    ///
    /// # Errors
    /// As [`lock`](Self::lock).
    pub fn try_lock(&self) -> Result<Option<Guard>, LockError> {
        // SAFETY: who made this value promised that a mutex is there.
        match unsafe { libc::pthread_mutex_trylock(self.mutex.as_ptr()) } {
            libc::EBUSY => Ok(None),
            outcome => self.locked(outcome).map(Some),
        }
    }

    fn locked(&self, outcome: i32) -> Result<Guard, LockError> {
        let guard = || Guard { mutex: self.clone(), stays: PhantomData };
        match outcome {
            0 => Ok(guard()),
            libc::EOWNERDEAD => Err(LockError::OwnerDied(OwnerDied { guard: guard() })),
            libc::ENOTRECOVERABLE => Err(LockError::NotRecoverable),
            libc::EDEADLK => Err(LockError::HeldByThisThread),
            errno => Err(LockError::Os(io::Error::from_raw_os_error(errno))),
        }
    }
    // ANCHOR_END: lock
}

/// The lock is held as long as this lives. It stays in the thread that locked it: only that one may unlock.
///
/// In a child that was forked meanwhile, the copy of a guard holds nothing, and dropping it does nothing.
#[derive(Debug)]
#[must_use = "dropping the guard unlocks"]
pub struct Guard {
    /// A clone, which keeps the segment: the C library's list of held locks points into it.
    mutex: RobustMutex,
    stays: PhantomData<*const ()>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        // A forked copy of the guard gets EPERM, since the word has the number of the parent's thread.
        // SAFETY: a mutex is there, and mapped: this guard has the segment.
        unsafe { libc::pthread_mutex_unlock(self.mutex.mutex.as_ptr()) };
    }
}

/// The lock is taken, and the data behind it may be half-written.
///
/// Dropping this unlocks and says that the data is beyond repair: from then on nobody gets the lock.
#[derive(Debug)]
#[must_use = "dropping this makes the lock unusable for everybody"]
pub struct OwnerDied {
    guard: Guard,
}

impl OwnerDied {
    /// Says that the data is whole again, and goes on with the lock.
    pub fn repaired(self) -> Guard {
        // SAFETY: a mutex is there, and this thread holds it. It is in the state that this call is for, since
        // `pthread_mutex_lock` said so and the value is used up here.
        unsafe { libc::pthread_mutex_consistent(self.guard.mutex.mutex.as_ptr()) };
        self.guard
    }
}

/// Why a lock was not simply taken.
#[derive(Debug)]
pub enum LockError {
    /// The last owner ended without unlocking. The lock is taken; its data may be half-written.
    OwnerDied(OwnerDied),
    /// An owner died, and who came next gave the data up. Make a new mutex, and new data.
    NotRecoverable,
    /// This thread has the lock already.
    HeldByThisThread,
    /// Anything else that the C library says.
    Os(io::Error),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LockError::OwnerDied(_) => f.write_str(
                "the owner of the robust mutex died: the lock is yours, repair its data first",
            ),
            LockError::NotRecoverable => f.write_str(
                "the data of the robust mutex was given up: make a new mutex and new data",
            ),
            LockError::HeldByThisThread => {
                f.write_str("this thread holds the robust mutex already: drop that guard first")
            }
            LockError::Os(_) => f.write_str("the robust mutex cannot be locked"),
        }
    }
}

impl std::error::Error for LockError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let LockError::Os(error) = self { Some(error) } else { None }
    }
}

/// Why there is no mutex at a place.
#[derive(Debug)]
pub enum RobustMutexError {
    /// It would not lie inside the segment, or not be aligned.
    Misplaced {
        /// Where it was to be.
        offset_bytes: usize,
        /// How long the segment is.
        len_bytes: usize,
    },
    /// The C library cannot make one.
    Os(io::Error),
}

impl fmt::Display for RobustMutexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RobustMutexError::Misplaced { offset_bytes, len_bytes } => write!(
                f,
                "no robust mutex at byte {offset_bytes} of a segment of {len_bytes}: take a multiple of {} with room for {} bytes",
                align_of::<libc::pthread_mutex_t>(),
                RobustMutex::LEN_BYTES
            ),
            RobustMutexError::Os(_) => {
                f.write_str("the C library has no mutex that is robust and process-shared")
            }
        }
    }
}

impl std::error::Error for RobustMutexError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let RobustMutexError::Os(error) = self { Some(error) } else { None }
    }
}

/// The address of a mutex that lies inside the segment and is aligned. The segment itself is aligned to pages.
fn place(
    segment: &Segment,
    offset_bytes: usize,
) -> Result<NonNull<libc::pthread_mutex_t>, RobustMutexError> {
    let len_bytes = segment.len_bytes();
    let end = offset_bytes.checked_add(RobustMutex::LEN_BYTES);
    let is_inside = end.is_some_and(|end| end <= len_bytes);
    if !is_inside || !offset_bytes.is_multiple_of(align_of::<libc::pthread_mutex_t>()) {
        return Err(RobustMutexError::Misplaced { offset_bytes, len_bytes });
    }
    // SAFETY: inside the mapping, as just checked.
    Ok(unsafe { segment.as_ptr().byte_add(offset_bytes) }.cast())
}

/// What kind of mutex to make.
struct Attributes(libc::pthread_mutexattr_t);

impl Attributes {
    fn process_shared_and_robust() -> io::Result<Attributes> {
        let mut raw = MaybeUninit::uninit();
        // SAFETY: the call fills the value that it is given.
        succeed(unsafe { libc::pthread_mutexattr_init(raw.as_mut_ptr()) })?;
        // SAFETY: it did.
        let mut attributes = Attributes(unsafe { raw.assume_init() });
        let raw = &raw mut attributes.0;
        // SAFETY: `attributes` is initialized and lives until the end of this function, as in the next two calls.
        succeed(unsafe {
            libc::pthread_mutexattr_setpshared(raw, libc::PTHREAD_PROCESS_SHARED)
        })?;
        // SAFETY: as above.
        succeed(unsafe { libc::pthread_mutexattr_setrobust(raw, libc::PTHREAD_MUTEX_ROBUST) })?;
        // A thread that locks twice gets an error, where it would wait for itself.
        // SAFETY: as above.
        succeed(unsafe {
            libc::pthread_mutexattr_settype(raw, libc::PTHREAD_MUTEX_ERRORCHECK)
        })?;
        Ok(attributes)
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: it was initialized, and nobody uses it after this.
        unsafe { libc::pthread_mutexattr_destroy(&raw mut self.0) };
    }
}

/// The outcome of a call of the pthread family, which returns its errno.
fn succeed(errno: i32) -> io::Result<()> {
    if errno == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(errno)) }
}
