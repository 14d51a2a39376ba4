//! ORPHAN: thinks that work whose time is over ends by itself.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

/// Runs `work` in a child process and says how the child ended, or `None` if it has not ended within `limit`: then it
/// is killed.
///
/// # Errors
/// If the process cannot be made or waited for.
pub fn run(work: impl FnOnce() -> i32, limit: Duration) -> io::Result<Option<WaitStatus>> {
    let child = fork::fork(work).map_err(io::Error::other)?;
    let deadline = Instant::now() + limit;
    let ended = pidfd_open(child).and_then(|pidfd| has_ended_by(pidfd.as_fd(), deadline));
    if !matches!(ended, Ok(true)) {
        return Ok(None);
    }
    let status = reap(child)?;
    Ok(ended?.then_some(status))
}

/// Sleeps until the process behind `pidfd` has ended, or until `deadline`. Says whether it has ended.
fn has_ended_by(pidfd: BorrowedFd<'_>, deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // One more, because poll counts in whole milliseconds.
        let left = left.saturating_add(Duration::from_millis(1));
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(pidfd, PollFlags::POLLIN)], timeout) {
            Err(Errno::EINTR) => {}
            ready => return Ok(ready? > 0),
        }
    }
}

/// Takes the status of a child that has ended or will at once.
fn reap(child: Pid) -> io::Result<WaitStatus> {
    loop {
        match waitpid(child, None) {
            Err(Errno::EINTR) => {}
            status => return Ok(status?),
        }
    }
}

/// Opens a descriptor for a child of this process. It can be read (POLLIN) when the child has ended.
fn pidfd_open(child: Pid) -> io::Result<OwnedFd> {
    // SAFETY: the call takes two numbers and touches no memory.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, child.as_raw(), 0) };
    let fd = RawFd::try_from(Errno::result(fd)?).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made the descriptor, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
