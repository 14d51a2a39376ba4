//! UNREPORTED_FAILURE: takes a process that has exited for one that has done well, whatever its status.

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

/// Runs `check` in a new process, waits for it, and says whether the check has held.
///
/// A check holds if it returns. If its process ends in any other way, it has failed.
///
/// # Errors
/// If there can be no new process. A check that has failed is no error, but an answer: `false`.
pub fn holds(check: fn()) -> nix::Result<bool> {
    // SAFETY: this program has one thread.
    match unsafe { fork() }? {
        ForkResult::Child => {
            check();
            std::process::exit(0);
        }
        ForkResult::Parent { child } => {
            let status = waitpid(child, None)?;
            Ok(matches!(status, WaitStatus::Exited(..)))
        }
    }
}
