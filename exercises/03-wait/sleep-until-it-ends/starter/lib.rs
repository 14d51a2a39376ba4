//! Runs a piece of work in a process of its own, for a limited time.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// Runs `work` in a child process and says how the child ended, or `None` if it has not ended within `limit`: then it
/// is killed.
///
/// # Errors
/// If the process cannot be made or waited for.
pub fn run(work: impl FnOnce() -> i32, limit: Duration) -> io::Result<Option<WaitStatus>> {
    let child = fork::fork(work).map_err(io::Error::other)?;
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        let status = waitpid(child, Some(WaitPidFlag::WNOHANG))?;
        if status != WaitStatus::StillAlive {
            return Ok(Some(status));
        }
    }
    kill(child, Signal::SIGKILL)?;
    waitpid(child, None)?;
    Ok(None)
}

/// Opens a descriptor for a child of this process. It can be read (POLLIN) when the child has ended.
fn pidfd_open(child: Pid) -> io::Result<OwnedFd> {
    // SAFETY: the call takes two numbers and touches no memory.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, child.as_raw(), 0) };
    let fd = RawFd::try_from(Errno::result(fd)?).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made the descriptor, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
