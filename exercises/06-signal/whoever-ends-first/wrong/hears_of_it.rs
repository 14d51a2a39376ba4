//! ZOMBIE: begins to listen for SIGCHLD in the function, when a child may have ended already.

use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use signal::{Signal, Signals};

/// Reaps all of `children`, and calls `ended` for each as soon as it has ended, whichever is first.
///
/// They are children of this process that nobody has waited for. The caller may have others, and waits for them itself.
///
/// # Errors
/// If there is no descriptor left, or one of them is no child of this process.
pub fn reap(children: &[Pid], mut ended: impl FnMut(WaitStatus)) -> io::Result<()> {
    let signals = Signals::block(&[Signal::SIGCHLD])?;
    let mut left = children.to_vec();
    while !left.is_empty() {
        let mut waits = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        match poll(&mut waits, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            ready => ready?,
        };
        while signals.read()?.is_some() {}
        let mut alive = Vec::new();
        for child in left {
            match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => alive.push(child),
                status => ended(status?),
            }
        }
        left = alive;
    }
    Ok(())
}
