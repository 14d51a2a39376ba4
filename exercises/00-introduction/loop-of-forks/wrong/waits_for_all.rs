//! LOST_RESULT: waits for the workers behind the loop, although the caller is to do it.

use std::process::exit;

use nix::sys::wait::waitpid;
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
            // The worker is a copy in the middle of the loop: it must not see the next round.
            ForkResult::Child => exit(work(number)),
            ForkResult::Parent { child } => workers.push(child),
        }
    }
    for worker in &workers {
        waitpid(*worker, None)?;
    }
    Ok(workers)
}
