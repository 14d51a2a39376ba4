//! Workers that end with the process that has started them.

use std::io;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpid, getppid};

/// What a worker ends with that has not begun its work, since its parent was gone before.
const NOT_STARTED_CODE: i32 = 120;

/// Starts a worker: a child of this process that does `work` and ends with the code that it returns. The caller waits
/// for it.
///
/// If this process ends first, in whatever way, the worker is ended at once, whatever it is doing and whatever it does
/// with signals.
///
/// # Errors
/// If there can be no new process.
pub fn start(work: impl FnOnce() -> i32) -> io::Result<Pid> {
    let parent = getpid();
    fork::fork(|| {
        if set_pdeathsig(Signal::SIGKILL).is_err() || getppid() != parent {
            return NOT_STARTED_CODE;
        }
        work()
    })
    .map_err(io::Error::other)
}
