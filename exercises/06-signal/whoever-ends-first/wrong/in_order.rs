//! ZOMBIE: waits for one child after the other.

use std::io;

use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

/// Reaps all of `children`, and calls `ended` for each as soon as it has ended, whichever is first.
///
/// They are children of this process that nobody has waited for. The caller may have others, and waits for them itself.
///
/// # Errors
/// If there is no descriptor left, or one of them is no child of this process.
pub fn reap(children: &[Pid], mut ended: impl FnMut(WaitStatus)) -> io::Result<()> {
    for child in children {
        loop {
            match waitpid(*child, None) {
                Err(Errno::EINTR) => {}
                status => break ended(status?),
            }
        }
    }
    Ok(())
}
