//! ORPHAN: looks once whether the child has failed, and does not wait for it.

use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
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
            let status = waitpid(child, Some(WaitPidFlag::WNOHANG))?;
            Ok(!matches!(status, WaitStatus::Exited(_, 1..) | WaitStatus::Signaled(..)))
        }
    }
}
