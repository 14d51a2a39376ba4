//! CHILD_RAN_PARENT_CODE: lets the child leave after the loop, which goes on in it until then.

use std::panic::catch_unwind;

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

/// Runs `job` for each number below `count`, and returns how the processes have ended, in the order of the numbers.
///
/// Each job has a process of its own, and all of them run at the same time. What `job` returns is the exit status of
/// its process. A job that panics ends its process with status 101.
///
/// # Errors
/// If a process cannot be made.
pub fn run_all(count: usize, job: fn(usize) -> i32) -> nix::Result<Vec<WaitStatus>> {
    let mut children = Vec::new();
    let mut code = None;
    for number in 0..count {
        // SAFETY: this program has one thread, so the child lacks no thread that could hold a lock.
        match unsafe { fork() }? {
            ForkResult::Child => {
                code = Some(catch_unwind(|| job(number)).unwrap_or(101));
            }
            ForkResult::Parent { child } => children.push(child),
        }
    }
    if let Some(code) = code {
        // SAFETY: `_exit` touches no memory of this process and does not return.
        unsafe { libc::_exit(code) }
    }
    children.into_iter().map(|child| waitpid(child, None)).collect()
}
