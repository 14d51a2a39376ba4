//! WRONG_CHILD_REAPED: thinks that the child that has just been made is the only one.

use std::io;

use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, wait};

/// Runs `work` in a child process, waits for it, and says how it ended.
///
/// The caller may have other children, and waits for them itself.
///
/// # Errors
/// If the process cannot be made or waited for.
pub fn run(work: impl FnOnce() -> i32) -> io::Result<WaitStatus> {
    fork::fork(work).map_err(io::Error::other)?;
    loop {
        match wait() {
            Err(Errno::EINTR) => {}
            ended => return Ok(ended?),
        }
    }
}
