//! A process that this one started and has to reap, held by a pidfd.
//!
//! The life of a child: running, then zombie, then reaped. Only the step to reaped is this program's to take, and
//! `ended` remembers that it was taken. Whether the process is a child of the caller is never remembered: the kernel
//! is asked each time, because a `Child` can be copied into another process by a later `fork`.
//!
//! # References
//! man 2 pidfd_open; man 2 waitid; man 2 pidfd_send_signal.

use crate::syscall::Ended;
use crate::{ChildError, ExitStatus, Signal, Usage, syscall};
use fork::Pid;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{PipeReader, Read, Write, pipe};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

// ANCHOR: child
/// A child process of this one.
///
/// Any thread of the process may use it, whichever thread made the child.
///
/// # Dropping
/// A child that was not waited for is killed with SIGKILL and reaped when its `Child` is dropped, so it leaves neither
/// a running process nor a zombie. The drop takes as long as the process takes to die: normally well under a
/// millisecond, longer if it has gigabytes to give back, and without limit if it sits in a system call that not even
/// SIGKILL interrupts (most of state D). Only a process that runs as another user by now (a set-user-ID program)
/// outlives the drop: the kernel does not let this one kill it, and to wait for it could block for ever.
///
/// A copy of a `Child` that a later `fork` made in another process owns nothing: dropping it there only closes its
/// descriptor, because the kernel says that the process is no child of that one.
#[derive(Debug)]
#[must_use = "dropping a `Child` kills the process"]
pub struct Child {
    pid: Pid,
    pidfd: OwnedFd,
    /// How it ended and what it had used, once it was reaped.
    ended: Option<Ended>,
}
// ANCHOR_END: child

impl Child {
    // ANCHOR: fork
    /// Forks a child that runs `child`, as [`fork::fork`] does, and owns it.
    ///
    /// `child` begins to run only when the parent owns the new process. If the parent is killed before that, `child`
    /// never runs. If it is killed later, the child runs on, as after any fork.
    ///
    /// # Errors
    /// [`ChildError::Fork`] if there is no new process; [`ChildError::Os`] if there is no descriptor left for it. In
    /// neither case has `child` run, and no process is left behind.
    pub fn fork<F: FnOnce() -> i32>(child: F) -> Result<Child, ChildError> {
        let (gate, bar) = pipe().map_err(|error| ChildError::os("pipe", None, error))?;
        let (mut gate, mut bar) = (Some(gate), Some(bar));
        let pid = fork::fork(|| {
            // Its own copy of the write end would keep the child waiting for itself.
            drop(bar.take());
            if gate.take().is_some_and(is_opened) { child() } else { NEVER_RAN_CODE }
        })?;
        match Child::adopt(pid) {
            Ok(owned) => {
                // This process still has a read end, so that a child that was killed meanwhile is no broken pipe.
                if let Some(bar) = &mut bar {
                    bar.write_all(&[0])
                        .map_err(|error| ChildError::os("write", Some(pid), error))?;
                }
                Ok(owned)
            }
            Err(error) => {
                drop(bar.take());
                // Not killed: if SIGCHLD is ignored, an ended child is gone and its number may be a stranger's already.
                while nix::sys::wait::waitpid(pid, None) == Err(Errno::EINTR) {}
                Err(error)
            }
        }
    }
    // ANCHOR_END: fork

    // ANCHOR: adopt
    /// Takes over a child of this process that nobody owns yet: one that [`fork::fork`] or the standard library made,
    /// or an orphan that came to a subreaper.
    ///
    /// # Errors
    /// [`ChildError::NotAChild`] if `pid` is no child of this process, also if the number now belongs to somebody else;
    /// [`ChildError::Os`] if there is no descriptor left.
    pub fn adopt(pid: Pid) -> Result<Child, ChildError> {
        let pidfd = syscall::pidfd_open(pid).map_err(|errno| match errno {
            // What the kernel says of 0, of a negative number, and of a thread that is not its process's first.
            Errno::EINVAL | Errno::ENOENT => ChildError::NotAChild { pid },
            _ => ChildError::new("pidfd_open", pid, errno),
        })?;
        Child::from_pidfd(pid, pidfd)
    }

    /// Takes over the child behind `pidfd`, which got the number `pid` when it was made. A descriptor that does not
    /// block (PIDFD_NONBLOCK) is as good as any other.
    ///
    /// # Errors
    /// [`ChildError::NotAChild`] if the process behind `pidfd` is no child of this one.
    pub fn from_pidfd(pid: Pid, pidfd: OwnedFd) -> Result<Child, ChildError> {
        // Between two looks at a number there can be two processes, so the look is through the descriptor:
        // from here on it is one process, and the question is only whether that one is ours.
        syscall::waitid(pidfd.as_fd(), libc::WNOHANG | libc::WNOWAIT)
            .map_err(|errno| ChildError::new("waitid", pid, errno))?;
        Ok(Child { pid, pidfd, ended: None })
    }
    // ANCHOR_END: adopt

    /// Its process id. Once it was waited for, the number may belong to somebody else.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    // ANCHOR: wait
    /// Waits until it has ended, reaps it and says how it ended. After that it says the same again at once.
    ///
    /// A child that is stopped (SIGSTOP) has not ended.
    ///
    /// # Errors
    /// [`ChildError::NotAChild`] if it has ended and somebody else has reaped it, or if this is a copy in another
    /// process.
    pub fn wait(&mut self) -> Result<ExitStatus, ChildError> {
        loop {
            if let Some(status) = self.reap(0)? {
                return Ok(status);
            }
            // `waitid` does not wait through a descriptor with O_NONBLOCK.
            self.poll(Duration::MAX)?;
        }
    }

    /// How it ended, or `None` if it has not.
    ///
    /// # Errors
    /// As [`Child::wait`].
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>, ChildError> {
        self.reap(libc::WNOHANG)
    }

    /// Waits for at most `timeout`; `None` if it has not ended by then. A timeout of zero only looks.
    ///
    /// # Errors
    /// As [`Child::wait`].
    pub fn wait_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<Option<ExitStatus>, ChildError> {
        let Some(deadline) = Instant::now().checked_add(timeout) else {
            return self.wait().map(Some);
        };
        loop {
            let status = self.try_wait()?;
            let left = deadline.saturating_duration_since(Instant::now());
            if status.is_some() || left.is_zero() {
                return Ok(status);
            }
            self.poll(left)?;
        }
    }
    // ANCHOR_END: wait

    /// What it has used in its life; `None` until it was waited for.
    ///
    /// The kernel tells this once, to whoever reaps the process: afterwards there is nobody left to ask about.
    ///
    /// # References
    /// man 2 getrusage; man 2 wait, "C library/kernel differences".
    pub fn usage(&self) -> Option<Usage> {
        self.ended.map(|ended| ended.usage)
    }

    // ANCHOR: kill
    /// Sends it a signal. If it has ended already, nothing happens to anybody, and that is no error.
    ///
    /// The signal is on its way when this returns; the process may still run. Only [`Child::wait`] says that it ended.
    ///
    /// # Errors
    /// [`ChildError::Os`] with EPERM if it runs as another user by now.
    pub fn kill(&self, signal: Signal) -> Result<(), ChildError> {
        match syscall::pidfd_send_signal(self.pidfd.as_fd(), signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(ChildError::new("pidfd_send_signal", self.pid, errno)),
        }
    }
    // ANCHOR_END: kill

    fn reap(&mut self, flags: libc::c_int) -> Result<Option<ExitStatus>, ChildError> {
        if self.ended.is_none() {
            self.ended = syscall::waitid(self.pidfd.as_fd(), flags)
                .map_err(|errno| ChildError::new("waitid", self.pid, errno))?;
        }
        Ok(self.ended.map(|ended| ended.status))
    }

    /// Waits until the pidfd is readable, which says that the process has ended, or for `left`, or for a signal.
    fn poll(&self, left: Duration) -> Result<(), ChildError> {
        // A millisecond more, because `poll` counts in whole ones and must not return before the time is over.
        let timeout = PollTimeout::try_from(left.saturating_add(Duration::from_millis(1)))
            .unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(self.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(ChildError::new("poll", self.pid, errno)),
        }
    }
}

/// The pidfd: `poll` says that it is readable once the process has ended.
impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

// ANCHOR: drop
impl Drop for Child {
    fn drop(&mut self) {
        // `None` is the kernel's word that this is a child of the calling process and has not ended. In every other
        // case there is nothing to kill: it was reaped, just now or before, or it is another process's child.
        if let Ok(None) = self.try_wait()
            && self.kill(Signal::SIGKILL).is_ok()
        {
            let _ = self.wait();
        }
    }
}
// ANCHOR_END: drop

/// What a child ends with that was not allowed to run. Its parent reaps it and returns an error, or is gone.
const NEVER_RAN_CODE: i32 = 125;

/// Waits for the parent's byte, which says that it owns this process. The end without a byte says that the parent
/// cannot own it, or is gone.
fn is_opened(mut gate: PipeReader) -> bool {
    gate.read_exact(&mut [0]).is_ok()
}
