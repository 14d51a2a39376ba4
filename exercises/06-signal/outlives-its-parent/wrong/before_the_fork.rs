//! ORPHAN: asks for the signal before the fork, as if the child inherited that.

use std::io;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

/// Starts a worker: a child of this process that does `work` and ends with the code that it returns. The caller waits
/// for it.
///
/// If this process ends first, in whatever way, the worker is ended at once, whatever it is doing and whatever it does
/// with signals.
///
/// # Errors
/// If there can be no new process.
pub fn start(work: impl FnOnce() -> i32) -> io::Result<Pid> {
    set_pdeathsig(Signal::SIGKILL)?;
    fork::fork(work).map_err(io::Error::other)
}
