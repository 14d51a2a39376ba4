//! INTERRUPTED: thinks that a wait ends with the child or with an error, and forgets signals.

use std::io;

use nix::sys::wait::{WaitStatus, waitpid};

/// Runs `work` in a child process, waits for it, and says how it ended.
///
/// The caller may have other children, and waits for them itself.
///
/// # Errors
/// If the process cannot be made or waited for.
pub fn run(work: impl FnOnce() -> i32) -> io::Result<WaitStatus> {
    let child = fork::fork(work).map_err(io::Error::other)?;
    Ok(waitpid(child, None)?)
}
