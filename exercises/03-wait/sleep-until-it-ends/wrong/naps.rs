//! BUSY_WAIT: thinks that it is enough to sleep a little between two questions.

use std::io;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

/// Runs `work` in a child process and says how the child ended, or `None` if it has not ended within `limit`: then it
/// is killed.
///
/// # Errors
/// If the process cannot be made or waited for.
pub fn run(work: impl FnOnce() -> i32, limit: Duration) -> io::Result<Option<WaitStatus>> {
    let child = fork::fork(work).map_err(io::Error::other)?;
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        let status = waitpid(child, Some(WaitPidFlag::WNOHANG))?;
        if status != WaitStatus::StillAlive {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    kill(child, Signal::SIGKILL)?;
    waitpid(child, None)?;
    Ok(None)
}
