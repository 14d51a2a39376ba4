//! UNREPORTED_FAILURE: ends every worker with status 0, whatever its work has come to.

use std::process::exit;

use nix::unistd::{ForkResult, Pid, fork};

/// Starts `count` workers, all of them children of this process, and returns their pids, that of worker 0 first. It
/// waits for none of them.
///
/// Worker `number`, counted from 0, does `work(number)` and ends with the exit status that `work` returns.
///
/// # Errors
/// If there can be no new process.
pub fn start_workers(count: usize, work: fn(usize) -> i32) -> nix::Result<Vec<Pid>> {
    let mut workers = Vec::new();
    for number in 0..count {
        // SAFETY: this program has one thread.
        match unsafe { fork() }? {
            ForkResult::Child => {
                work(number);
                exit(0);
            }
            ForkResult::Parent { child } => workers.push(child),
        }
    }
    Ok(workers)
}
