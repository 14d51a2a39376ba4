//! Signals around the exec: none may arrive while the child borrows memory, and the program
//! begins with a clean slate.
//!
//! The mask is set by the system call itself, because the C library's function leaves out two
//! signals that it keeps for its own use between threads, and their handlers must not run in
//! the child either.
//!
//! The source is man 7 signal, "Execution of signal handlers"; man 2 rt_sigprocmask, "C
//! library/kernel differences".

use crate::ExecError;
use nix::errno::Errno;
use std::mem::MaybeUninit;

/// The highest signal of Linux; the kernel's signal set is one bit for each, in one word.
const SIGNAL_MAX: i32 = 64;

/// Every signal that can be blocked at all.
const ALL: u64 = u64::MAX;

/// All signals blocked in this thread, until this is dropped.
#[derive(Debug)]
pub(crate) struct Blocked {
    before: u64,
}

impl Blocked {
    pub(crate) fn new() -> Result<Self, ExecError> {
        let before = set_mask(ALL).map_err(|errno| ExecError::new("rt_sigprocmask", errno))?;
        Ok(Blocked { before })
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // It cannot fail: the mask is one that the kernel gave, and the call worked a moment
        // ago.
        let _ = set_mask(self.before);
    }
}

/// Gives every signal its default action, unless this process was itself started with it
/// ignored, as `nohup` does, or ignored it later; then empties the mask. Runs in the child: no
/// allocation, no lock, no panic.
///
/// Handlers must go before the mask is emptied: one that ran here would run in the parent's
/// memory. SIGPIPE is reset in any case, because Rust's runtime ignores it and programs do not
/// expect that.
pub(crate) fn reset() -> Result<(), Errno> {
    for signal in 1..=SIGNAL_MAX {
        if signal == libc::SIGPIPE || !has_default_or_ignores(signal) {
            set_default(signal);
        }
    }
    set_mask(0).map(drop)
}

/// Whether `signal` has no handler. The C library does not say for the two that it keeps for
/// itself.
fn has_default_or_ignores(signal: i32) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: `action` is valid for a write; a null pointer asks for no change.
    let known = unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: zeroed is a valid sigaction, and the call wrote nothing or a whole one over it.
    let action = unsafe { action.assume_init() };
    known == 0 && (action.sa_sigaction == libc::SIG_DFL || action.sa_sigaction == libc::SIG_IGN)
}

/// The table of actions is the child's own, because the clone had no CLONE_SIGHAND.
///
/// SIGKILL and SIGSTOP refuse with EINVAL, and have their default action anyway.
fn set_default(signal: i32) {
    // All zeroes is the default action, no flags and an empty mask, in the kernel's layout on
    // every architecture; this is more than any of them reads.
    let action = [0_u64; 8];
    // SAFETY: `action` is valid for a read of the kernel's sigaction; a null pointer asks for
    // no old action.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigaction,
            signal,
            action.as_ptr(),
            std::ptr::null_mut::<u64>(),
            size_of::<u64>(),
        )
    };
}

/// Sets the mask of this thread and returns the one before.
fn set_mask(mask: u64) -> Result<u64, Errno> {
    let mut before = 0_u64;
    // SAFETY: both pointers are valid for the one word that the kernel is told to read and
    // write.
    let done = unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const mask,
            &raw mut before,
            size_of::<u64>(),
        )
    };
    Errno::result(done).map(|_| before)
}
