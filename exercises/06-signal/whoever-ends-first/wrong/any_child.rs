//! WRONG_CHILD_REAPED: waits for any child, and passes over those that it was not given.

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
    let mut left = children.to_vec();
    while !left.is_empty() {
        match waitpid(None, None) {
            Err(Errno::EINTR) => {}
            status => {
                let status = status?;
                if status.pid().is_some_and(|pid| left.contains(&pid)) {
                    left.retain(|child| Some(*child) != status.pid());
                    ended(status);
                }
            }
        }
    }
    Ok(())
}
