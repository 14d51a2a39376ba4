//! Jobs that run at the same time, each in a process of its own.

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
    for number in 0..count {
        // SAFETY: this program has one thread, so the child lacks no thread that could hold a lock.
        match unsafe { fork() }? {
            ForkResult::Child => {
                job(number);
            }
            ForkResult::Parent { child } => children.push(child),
        }
    }
    children.into_iter().map(|child| waitpid(child, None)).collect()
}
