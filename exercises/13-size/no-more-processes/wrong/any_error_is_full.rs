//! UNREPORTED_FAILURE: takes each error of fork for a system that is full.

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
    mut fork: impl FnMut() -> io::Result<Pid>,
    limit: impl Fn(&io::Error) -> String,
) -> Result<Pool, Refused> {
    let mut workers = Vec::new();
    while workers.len() < wanted {
        match fork() {
            Ok(worker) => workers.push(worker),
            Err(source) => {
                // When the workers have ended, the limit has room again, and nobody could tell which one it was.
                let limit = limit(&source);
                if workers.len() >= at_least {
                    return Ok(Pool { workers, limit: Some(limit) });
                }
                end(&workers);
                return Err(Refused { limit, source });
            }
        }
    }
    Ok(Pool { workers, limit: None })
}

/// Ends these workers and waits for them.
fn end(workers: &[Pid]) {
    for worker in workers {
        // It can fail only if the worker has been waited for.
        let _ = kill(*worker, Signal::SIGKILL);
    }
    for worker in workers {
        while waitpid(*worker, None) == Err(Errno::EINTR) {}
    }
}
