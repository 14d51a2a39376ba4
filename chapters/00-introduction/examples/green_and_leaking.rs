//! A program that starts a worker and forgets it: as a test it is green.
//! Minutes: 3
//!
//! `cargo run --example green_and_leaking`, and as a test `cargo test -p introduction --test green_and_leaking`. Neither
//! says a word. The page runs it under the grader, too.

use nix::unistd::{ForkResult, fork};
use std::io::{PipeReader, Read, pipe};

// ANCHOR: leak
#[test]
fn a_worker_can_be_started() {
    start_worker().expect("there is room for a process");
}

fn main() -> std::io::Result<()> {
    start_worker()
}

/// Starts a worker, which waits for work to come through a pipe.
fn start_worker() -> std::io::Result<()> {
    let (work, giver) = pipe()?;
    // SAFETY: the child closes, reads and exits, and nothing else. That is allowed in
    // a program with several threads as well.
    match unsafe { fork() }? {
        ForkResult::Child => {
            drop(giver);
            wait_for_work(work)
        }
        ForkResult::Parent { .. } => {
            // Nobody closes the pipe, and nobody waits for the worker.
            std::mem::forget(giver);
            Ok(())
        }
    }
}
// ANCHOR_END: leak

/// Reads until the pipe ends. At the latest, that is when the parent ends.
fn wait_for_work(mut work: PipeReader) -> ! {
    let _ = work.read(&mut [0]);
    // SAFETY: the call ends the process; nothing of it runs afterwards.
    unsafe { libc::_exit(1) }
}
