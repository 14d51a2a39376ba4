//! Starts the workers of a pool on a system that may not let it have all of them.

use std::io;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

/// Workers that run.
#[derive(Debug)]
pub struct Pool {
    /// Their pids.
    pub workers: Vec<Pid>,
    /// The limit that stood against more of them, if there are fewer than were wanted.
    pub limit: Option<String>,
}

/// Why there is no pool. No worker is left of it.
#[derive(Debug)]
pub struct Refused {
    /// The limit that stood against it.
    pub limit: String,
    /// What `fork` said.
    pub source: io::Error,
}

/// Starts `wanted` workers, or as many as there may be, but `at_least` so many, which is 1 or more.
///
/// `fork` starts one worker, which runs until a signal ends it. `limit` names the limit that is behind an error of `fork`:
/// it looks which one has no room left at that moment.
///
/// # Errors
/// [`Refused`] if fewer than `at_least` can be had, or if `fork` says anything but EAGAIN.
pub fn start(
    wanted: usize,
    at_least: usize,
    fork: impl FnMut() -> io::Result<Pid>,
    limit: impl Fn(&io::Error) -> String,
) -> Result<Pool, Refused> {
    todo!("start the workers, and say who refused the others")
}
