//! ZOMBIE: looks with WNOWAIT, so as to take nobody's status away, and takes none at all.

use std::io;

use nix::errno::Errno;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};

/// Runs `work` in a child process, waits for it, and says how it ended.
///
/// The caller may have other children, and waits for them itself.
///
/// # Errors
/// If the process cannot be made or waited for.
pub fn run(work: impl FnOnce() -> i32) -> io::Result<WaitStatus> {
    let child = fork::fork(work).map_err(io::Error::other)?;
    loop {
        match waitid(Id::Pid(child), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
            Err(Errno::EINTR) => {}
            ended => return Ok(ended?),
        }
    }
}
