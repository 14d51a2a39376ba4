//! ORPHAN: sends SIGTERM, which a worker can ignore.

use std::io;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpid, getppid};

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
        if set_pdeathsig(Signal::SIGTERM).is_err() || getppid() != parent {
            return 120;
        }
        work()
    })
    .map_err(io::Error::other)
}
