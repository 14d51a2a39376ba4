//! A check that runs in a process of its own, so that nothing it breaks is broken here.

use nix::sys::wait::waitpid;
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
            waitpid(child, None)?;
            Ok(true)
        }
    }
}
