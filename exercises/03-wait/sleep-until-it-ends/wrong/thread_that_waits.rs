//! WRONG_CHILD_REAPED: lets a thread wait for the child, and waits for it once more when the time is over.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};

/// Runs `work` in a child process and says how the child ended, or `None` if it has not ended within `limit`: then it
/// is killed.
///
/// # Errors
/// If the process cannot be made or waited for.
pub fn run(work: impl FnOnce() -> i32, limit: Duration) -> io::Result<Option<WaitStatus>> {
    let child = fork::fork(work).map_err(io::Error::other)?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(waitpid(child, None)));
    if let Ok(status) = receiver.recv_timeout(limit) {
        return Ok(Some(status?));
    }
    kill(child, Signal::SIGKILL)?;
    waitpid(child, None)?;
    Ok(None)
}
