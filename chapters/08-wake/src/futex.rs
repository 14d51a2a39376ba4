//! The futex: sleep while a word has a value, and wake who sleeps on it.
//!
//! The word is the caller's, and all meaning is the caller's too: the kernel only compares it once, at the moment of
//! falling asleep. [`wait`] and [`wake`] find each other by the memory that the word is in, so they work between
//! processes that map it, at whatever address. Those of [`private`] find each other by process and address, which is
//! cheaper and works between the threads of one process only.
//!
//! Invariant: comparing the word and falling asleep are one step: no [`wake`] comes between them.
//!
//! # References
//! man 2 futex, FUTEX_WAIT, FUTEX_WAKE, FUTEX_PRIVATE_FLAG.

use std::io;
use std::ptr;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// The word that a futex is: any aligned 32 bits, whoever else knows of them.
pub type Word = AtomicU32;

/// Why a [`wait`] is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// It slept and was woken: by a [`wake`], by a signal, or for no reason. Look at the word.
    Woken,
    /// The word did not have the expected value, so it never slept (EAGAIN).
    Changed,
    /// The time was over first.
    TimedOut,
}

/// Sleeps while `word` has the value `expected`, until somebody wakes it, for at most `timeout`; `None` is for ever.
///
/// The word is compared once, when falling asleep. A sleeper does not notice that it changes later.
///
/// # Errors
/// Where the kernel has no futex for this caller, which a filter of system calls may cause (man 2 seccomp).
///
/// # References
/// man 2 futex, FUTEX_WAIT.
pub fn wait(word: &Word, expected: u32, timeout: Option<Duration>) -> io::Result<Waited> {
    wait_with(word, libc::FUTEX_WAIT, expected, timeout)
}

/// Wakes at most `count` of those who sleep on `word`, and returns how many it woke.
///
/// Nothing is remembered: who falls asleep afterwards is not woken.
///
/// # References
/// man 2 futex, FUTEX_WAKE.
pub fn wake(word: &Word, count: u32) -> u32 {
    wake_with(word, libc::FUTEX_WAKE, count)
}

/// The same for the threads of one process: a waiter in another process is never found.
pub mod private {
    use super::{Waited, Word, wait_with, wake_with};
    use std::io;
    use std::time::Duration;

    /// As [`super::wait`], but woken only by [`wake`] in the same process.
    ///
    /// # Errors
    /// As [`super::wait`].
    pub fn wait(word: &Word, expected: u32, timeout: Option<Duration>) -> io::Result<Waited> {
        wait_with(word, libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG, expected, timeout)
    }

    /// As [`super::wake`], but wakes only who sleeps in [`wait`] in the same process.
    pub fn wake(word: &Word, count: u32) -> u32 {
        wake_with(word, libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, count)
    }
}

// ANCHOR: futex
fn wait_with(
    word: &Word,
    operation: i32,
    expected: u32,
    timeout: Option<Duration>,
) -> io::Result<Waited> {
    let timeout = timeout.and_then(timespec);
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the borrows keep the word and the time in place for the length of the
    // call; the kernel reads both and writes neither.
    let done =
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, expected, timeout) };
    if done == 0 {
        return Ok(Waited::Woken);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EINTR) => Ok(Waited::Woken),
        Some(libc::EAGAIN) => Ok(Waited::Changed),
        Some(libc::ETIMEDOUT) => Ok(Waited::TimedOut),
        _ => Err(error),
    }
}

fn wake_with(word: &Word, operation: i32, count: u32) -> u32 {
    // The kernel takes the count as signed.
    let count = count.min(i32::MAX as u32);
    // SAFETY: the kernel uses the address as a key and neither reads nor writes there.
    let woken = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, count) };
    // The only errors are of addresses that are no word, which a reference excludes.
    u32::try_from(woken).unwrap_or(0)
}
// ANCHOR_END: futex

/// The kernel's form of a time; `None`, for ever, if it is longer than the kernel can say.
fn timespec(time: Duration) -> Option<libc::timespec> {
    let seconds = libc::time_t::try_from(time.as_secs()).ok()?;
    // Below 1,000,000,000, so it fits whatever the width of the field.
    let nanoseconds = time.subsec_nanos() as _;
    Some(libc::timespec { tv_sec: seconds, tv_nsec: nanoseconds })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering::Relaxed;
    use std::time::Instant;

    #[test]
    fn a_word_that_differs_is_not_slept_on() {
        let word = Word::new(1);
        assert_eq!(wait(&word, 0, None).unwrap(), Waited::Changed);
        assert_eq!(private::wait(&word, 0, None).unwrap(), Waited::Changed);
    }

    #[test]
    fn the_time_is_kept() {
        let word = Word::new(0);
        let time = Duration::from_millis(20);
        for wait in [wait, private::wait] {
            let begun = Instant::now();
            // A signal may end a sleep early, and then the outcome says so.
            while wait(&word, 0, Some(time)).unwrap() != Waited::TimedOut {}
            assert!(begun.elapsed() >= time);
        }
        assert_eq!(wait(&word, 0, Some(Duration::ZERO)).unwrap(), Waited::TimedOut);
    }

    #[test]
    fn a_time_beyond_the_kernels_is_for_ever() {
        assert!(timespec(Duration::MAX).is_none());
        let longest = timespec(Duration::from_secs(i64::MAX as u64)).unwrap();
        assert_eq!(longest.tv_sec, i64::MAX);
        let word = Word::new(1);
        assert_eq!(wait(&word, 0, Some(Duration::MAX)).unwrap(), Waited::Changed);
    }

    #[test]
    fn a_thread_is_woken() {
        for (wait, wake) in [
            (wait as fn(&Word, u32, Option<Duration>) -> _, wake as fn(&Word, u32) -> u32),
            (private::wait, private::wake),
        ] {
            let word = Word::new(0);
            assert_eq!(wake(&word, 1), 0, "nobody sleeps yet");
            std::thread::scope(|scope| {
                let waiter = scope.spawn(|| {
                    while word.load(Relaxed) == 0 {
                        wait(&word, 0, None).unwrap();
                    }
                });
                // Woken while asleep, and so by the call and not by the word.
                while wake(&word, u32::MAX) == 0 {
                    std::thread::yield_now();
                }
                word.store(1, Relaxed);
                while !waiter.is_finished() {
                    wake(&word, u32::MAX);
                    std::thread::yield_now();
                }
            });
        }
    }

    // Miri runs one process, and to it the two kinds are one.
    #[cfg(not(miri))]
    #[test]
    fn private_and_shared_do_not_meet() {
        let word = Word::new(0);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                while word.load(Relaxed) == 0 {
                    private::wait(&word, 0, None).unwrap();
                }
            });
            // It sleeps when one private wake-up has found it, and soon sleeps again.
            while private::wake(&word, 1) == 0 {
                std::thread::yield_now();
            }
            for _ in 0..1000 {
                assert_eq!(wake(&word, u32::MAX), 0);
            }
            word.store(1, Relaxed);
            while !waiter.is_finished() {
                private::wake(&word, 1);
                std::thread::yield_now();
            }
        });
    }
}
