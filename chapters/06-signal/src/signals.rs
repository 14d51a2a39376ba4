//! Signals as something to read.
//!
//! A blocked signal waits: the kernel keeps it as pending, and a signalfd reads what is pending. So the signals are
//! blocked first, and nothing of them is lost in between.
//!
//! Invariant: what [`Signals::block`] has blocked in this thread, and nothing else, is unblocked when it is dropped.
//!
//! # References
//! man 2 signalfd; man 2 sigprocmask; man 7 signal, "Signal mask and pending signals".

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::io::{self, ErrorKind};
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use wait::{Pid, Signal};

// ANCHOR: signals
/// Signals that are blocked in this thread and read through a descriptor.
///
/// A signal to the process goes to any thread that has not blocked it. So make this before
/// the first thread starts: threads get the mask of the one that starts them. Children get
/// it too, and keep it through an exec: see [`unblock_all`].
///
/// # Dropping
/// The signals are unblocked. One that has come and was not read takes effect then, as if it
/// came at that moment: an unread SIGTERM ends the program.
#[derive(Debug)]
pub struct Signals {
    descriptor: SignalFd,
    /// Those of the signals that were not blocked before.
    newly_blocked: SigSet,
    /// A mask belongs to one thread, so this may not move to another.
    this_thread: PhantomData<*const ()>,
}
// ANCHOR_END: signals

/// A signal that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Which one.
    pub signal: Signal,
    /// Who sent it; for SIGCHLD, the child whose end made it. `None`: the kernel itself, as for Ctrl-C, or a process
    /// outside of this container.
    pub process: Option<Pid>,
}

impl Signals {
    // ANCHOR: block
    /// Blocks `signals` in this thread and makes them readable.
    ///
    /// A signal that this process ignores becomes readable too, as the kernel does not ignore what is blocked. If
    /// `nohup` or a shell had a reason to ignore it, leave it out: [`SignalSets`](crate::SignalSets) tells.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for SIGKILL and SIGSTOP, which nobody can block; EMFILE or ENFILE if there is no
    /// descriptor left. Nothing is blocked then.
    pub fn block(signals: &[Signal]) -> io::Result<Signals> {
        if signals.iter().any(|it| matches!(it, Signal::SIGKILL | Signal::SIGSTOP)) {
            let why = "SIGKILL and SIGSTOP cannot be blocked: leave them out";
            return Err(io::Error::new(ErrorKind::InvalidInput, why));
        }
        let set: SigSet = signals.iter().copied().collect();
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let descriptor = SignalFd::with_flags(&set, flags)?;
        let before = set.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let newly_blocked = set.iter().filter(|signal| !before.contains(*signal)).collect();
        Ok(Signals { descriptor, newly_blocked, this_thread: PhantomData })
    }
    // ANCHOR_END: block

    /// The next signal that has come; `None` if there is none now. A signal that came several times before it was read
    /// is read once.
    ///
    /// In a child that was forked with this, it reads the signals of the child.
    ///
    /// # Errors
    /// None that the kernel documents for a descriptor that exists.
    pub fn read(&self) -> io::Result<Option<Received>> {
        let info = loop {
            match self.descriptor.read_signal() {
                Err(Errno::EINTR) => {}
                info => break info?,
            }
        };
        let Some(info) = info else { return Ok(None) };
        let signal = i32::try_from(info.ssi_signo).map_err(|_| Errno::EINVAL)?;
        let process = i32::try_from(info.ssi_pid).ok().filter(|pid| *pid > 0);
        Ok(Some(Received {
            signal: Signal::try_from(signal)?,
            process: process.map(Pid::from_raw),
        }))
    }
}

// ANCHOR: unblock
impl Drop for Signals {
    fn drop(&mut self) {
        // It cannot fail: the set is one that was blocked a moment ago.
        let _ = self.newly_blocked.thread_unblock();
    }
}

/// Empties this thread's mask. For a forked child, which starts with its parent's: without this, a child of a program
/// that reads SIGTERM does not end by SIGTERM, and neither does a program that it executes.
///
/// # Errors
/// None that the kernel documents.
pub fn unblock_all() -> io::Result<()> {
    Ok(SigSet::empty().thread_set_mask()?)
}
// ANCHOR_END: unblock

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
