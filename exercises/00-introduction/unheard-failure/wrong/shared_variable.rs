//! UNREPORTED_FAILURE: thinks that a variable that the child sets is set in the parent.

use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

/// Runs `check` in a new process, waits for it, and says whether the check has held.
///
/// A check holds if it returns. If its process ends in any other way, it has failed.
///
/// # Errors
/// If there can be no new process. A check that has failed is no error, but an answer: `false`.
pub fn holds(check: fn()) -> nix::Result<bool> {
    let mut held = true;
    // SAFETY: this program has one thread.
    match unsafe { fork() }? {
        ForkResult::Child => {
            held = std::panic::catch_unwind(check).is_ok();
            std::process::exit(0);
        }
        ForkResult::Parent { child } => {
            waitpid(child, None)?;
            Ok(held)
        }
    }
}
