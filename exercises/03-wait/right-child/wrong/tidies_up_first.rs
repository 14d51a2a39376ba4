//! WRONG_CHILD_REAPED: waits for the right child, but first removes all zombies, whoever they belong to.

use std::io;

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

/// Runs `work` in a child process, waits for it, and says how it ended.
///
/// The caller may have other children, and waits for them itself.
///
/// # Errors
/// If the process cannot be made or waited for.
pub fn run(work: impl FnOnce() -> i32) -> io::Result<WaitStatus> {
    while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
        if status == WaitStatus::StillAlive {
            break;
        }
    }
    let child = fork::fork(work).map_err(io::Error::other)?;
    loop {
        match waitpid(child, None) {
            Err(Errno::EINTR) => {}
            ended => return Ok(ended?),
        }
    }
}
