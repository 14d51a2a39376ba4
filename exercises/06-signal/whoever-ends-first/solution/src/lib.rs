//! Several children, and word of each as soon as it has ended.

use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

/// Reaps all of `children`, and calls `ended` for each as soon as it has ended, whichever is first.
///
/// They are children of this process that nobody has waited for. The caller may have others, and waits for them itself.
///
/// # Errors
/// If there is no descriptor left, or one of them is no child of this process.
pub fn reap(children: &[Pid], mut ended: impl FnMut(WaitStatus)) -> io::Result<()> {
    let opened: io::Result<Vec<OwnedFd>> =
        children.iter().map(|child| pidfd_open(*child)).collect();
    let mut left = opened?;
    while !left.is_empty() {
        let mut waits: Vec<PollFd> =
            left.iter().map(|child| PollFd::new(child.as_fd(), PollFlags::POLLIN)).collect();
        match poll(&mut waits, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            ready => ready?,
        };
        let mut alive = Vec::new();
        for child in left {
            match waitid(Id::PIDFd(child.as_fd()), WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG)?
            {
                WaitStatus::StillAlive => alive.push(child),
                status => ended(status),
            }
        }
        left = alive;
    }
    Ok(())
}

/// Opens a descriptor for a child of this process. It can be read (POLLIN) when the child has ended.
fn pidfd_open(child: Pid) -> io::Result<OwnedFd> {
    // SAFETY: the call takes two numbers and touches no memory.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, child.as_raw(), 0) };
    let fd = RawFd::try_from(Errno::result(fd)?).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made the descriptor, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
