//! WRONG_SHAPE: lets the child go on with the loop instead of the parent, so that each worker is a child of the one before.

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
            ForkResult::Parent { child } if number == 0 => workers.push(child),
            ForkResult::Parent { .. } => exit(work(number - 1)),
            ForkResult::Child if number + 1 == count => exit(work(number)),
            ForkResult::Child => continue,
        }
        break;
    }
    Ok(workers)
}
