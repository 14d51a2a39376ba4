//! ZOMBIE: waits for one after the other, whichever ends first.

use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use signal::{Received, Signals};
use wait::{Child, ExitStatus, Pid};

/// Reaps all of `children`, and calls `ended` for each as soon as it has ended.
///
/// `signals` reads SIGCHLD, which was blocked before the first of them was made. The caller may have other children,
/// which also send SIGCHLD when they end, and waits for those itself.
///
/// # Errors
/// If the signals cannot be read or a child cannot be waited for.
pub fn reap_all(
    children: &mut [Child],
    signals: &Signals,
    mut ended: impl FnMut(Pid, ExitStatus),
) -> io::Result<()> {
    for child in children {
        ended(child.pid(), child.wait().map_err(io::Error::other)?);
    }
    Ok(())
}
