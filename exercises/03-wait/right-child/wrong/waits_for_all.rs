//! STUCK: waits for all children there are, and thinks that they are its own.

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
    let child = fork::fork(work).map_err(io::Error::other)?;
    let mut ended = Err(Errno::ECHILD);
    loop {
        match wait() {
            Ok(status) if status.pid() == Some(child) => ended = Ok(status),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return Ok(ended?),
        }
    }
}
