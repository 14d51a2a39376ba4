//! The doorbell: one waiter sleeps until any of its ringers has published something.
//!
//! The word is 0, or [`ARMED`] while its waiter is going to sleep or sleeps. The waiter arms, then looks; a ringer
//! publishes, then looks whether it is armed. A fence stands between the two steps on both sides, so at least one of
//! them sees what the other did: the waiter sees the news and does not sleep, or the ringer sees that it must wake.
//! A ringer wakes by clearing the word first. Since the futex compares the same word when it falls asleep, a ring
//! between the waiter's look and its sleep keeps it awake.
//!
//! One waiter owns the bell: it alone arms. Anybody rings.
//!
//! Invariant: a word that is `ARMED` is cleared before anybody is woken, and a waiter sleeps only on `ARMED`.
//!
//! # References
//! man 2 futex; Edsger W. Dijkstra, "Cooperating sequential processes", 1965, section 2.1, for the two flags; the fence:
//! the C++ standard, `atomics.fences`.

use crate::futex::{self, Word};
#[cfg(loom)]
use loom::sync::atomic::{Ordering, fence};
#[cfg(not(loom))]
use std::sync::atomic::{Ordering, fence};
use std::time::{Duration, Instant};

/// The word while the waiter is going to sleep or sleeps. Any value but 0 is taken for it: the word may be in memory
/// that other processes write.
const ARMED: u32 = 1;

/// One word: 0, or armed while its one waiter is going to sleep or sleeps. Any number of ringers.
///
/// A bell in a segment works between the processes that map it. If they do not trust each other, wait with a timeout:
/// a peer that writes 0 over the word without waking leaves the waiter asleep.
///
/// A waiter or a ringer may be killed at any instruction. A dead waiter leaves the bell armed, which costs the next
/// ringer one system call. A ringer that dies between publishing and waking is a ring that never came: whoever waits
/// for a process that may die must learn of its death by other means, or wait with a timeout.
///
/// # Examples
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::{Acquire, Release}};
/// use wake::Doorbell;
///
/// let (bell, letters) = (Doorbell::new(), AtomicU32::new(0));
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         letters.store(1, Release);
///         bell.ring();
///     });
///     assert!(bell.wait(None, || letters.load(Acquire) == 1));
/// });
/// ```
// ANCHOR: doorbell
#[derive(Debug)]
#[cfg_attr(not(loom), repr(transparent))]
pub struct Doorbell {
    word: Word,
}

impl Doorbell {
    /// For a ringer, after it has published what is new (`Release` or stronger).
    ///
    /// Costs a fence and a load while nobody is going to sleep, and a system call
    /// otherwise. True: the waiter was asleep or about to be, and this call woke it.
    #[inline]
    pub fn ring(&self) -> bool {
        // What was published comes before the look at the word.
        fence(Ordering::SeqCst);
        self.is_armed() && self.wake()
    }

    /// Of several ringers at once, the one that clears the word wakes.
    #[cold]
    fn wake(&self) -> bool {
        if self.word.swap(0, Ordering::AcqRel) == 0 {
            return false;
        }
        futex::wake(&self.word, 1);
        true
    }

    /// Whether the waiter is going to sleep or sleeps; only a hint.
    #[inline]
    pub fn is_armed(&self) -> bool {
        self.word.load(Ordering::Relaxed) != 0
    }

    /// For the waiter: sleeps until `ready` says true, for at most `timeout`.
    ///
    /// `ready` is asked at the start, and again after each arming. It must be a look
    /// that every ring makes worth repeating: a load (`Acquire`) of something that the
    /// ringers publish. False: the time was over, and `ready` still said no.
    pub fn wait(&self, timeout: Option<Duration>, mut ready: impl FnMut() -> bool) -> bool {
        if ready() {
            return true;
        }
        let ends_at = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            self.arm();
            if ready() {
                self.disarm();
                return true;
            }
            let left = ends_at.map(|at| at.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                self.disarm();
                return false;
            }
            self.sleep(left);
        }
    }

    /// First step of a waiter with a loop of its own: says that it is going to sleep.
    ///
    /// Then look for news once more, and [`sleep`](Self::sleep) only if there is none.
    #[inline]
    pub fn arm(&self) {
        // A swap, as everywhere: each change of the word then reads the one before it,
        // and no two of them can be seen in different orders.
        self.word.swap(ARMED, Ordering::AcqRel);
        // The word comes before the look for news.
        fence(Ordering::SeqCst);
    }

    /// Last step of a waiter that found news after [`arm`](Self::arm) and does not
    /// sleep. Without it the next ring costs a system call, and nothing else.
    #[inline]
    pub fn disarm(&self) {
        self.word.swap(0, Ordering::AcqRel);
    }

    /// Second step: sleeps while the bell is armed, for at most `timeout`.
    ///
    /// Returns at a ring, which disarms; at once if one came since [`arm`](Self::arm);
    /// at the end of the time, or for no reason, and the bell is still armed then. Look
    /// for news and arm again.
    ///
    /// # Panics
    /// If this process may not use futexes at all (man 2 seccomp): std's locks do not
    /// work there either.
    pub fn sleep(&self, timeout: Option<Duration>) {
        if let Err(error) = futex::wait(&self.word, ARMED, timeout) {
            panic!("no futex for this process: {error}; a filter of system calls forbids it");
        }
    }
}
// ANCHOR_END: doorbell

#[cfg(not(loom))]
impl Doorbell {
    /// A bell that is not armed. A word of zeroed memory is one too.
    pub const fn new() -> Doorbell {
        Doorbell { word: Word::new(0) }
    }
}

#[cfg(loom)]
impl Doorbell {
    /// A bell that is not armed.
    pub fn new() -> Doorbell {
        Doorbell { word: Word::new(0) }
    }
}

impl Default for Doorbell {
    fn default() -> Doorbell {
        Doorbell::new()
    }
}

// SAFETY: it is one atomic word, transparently: every value of it is taken for 0 or for armed, and all access is atomic.
#[cfg(not(loom))]
unsafe impl shared::InSegment for Doorbell {}
