//! ORPHAN: asks without waiting, and takes "still alive" for an answer.

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
    let child = fork::fork(work).map_err(io::Error::other)?;
    loop {
        match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::EINTR) => {}
            ended => return Ok(ended?),
        }
    }
}
