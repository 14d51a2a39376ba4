//! Jobs in processes of their own, while a thread of the program keeps a journal.

use std::error::Error;

use nix::sys::wait::{WaitStatus, waitpid};

/// Does each job in a child, all at the same time, and returns how the children have ended, in the order of the jobs.
///
/// `start` starts the journal: a thread that holds the lock of the notes until `stop`. The journal is kept while the
/// jobs run. `work` does a job, for which it needs the same lock, and returns the exit status.
///
/// # Errors
/// If a child cannot be made or waited for.
pub fn run_jobs<Journal>(
    jobs: &[i32],
    work: fn(i32) -> i32,
    start: fn() -> Journal,
    stop: fn(Journal),
) -> Result<Vec<WaitStatus>, Box<dyn Error>> {
    // The children come first: as long as this is the only thread, no lock is held that they would inherit.
    let mut children = Vec::new();
    for job in jobs {
        children.push(fork::fork(|| work(*job))?);
    }
    let journal = start();
    let mut ends = Vec::new();
    for child in children {
        ends.push(waitpid(child, None)?);
    }
    stop(journal);
    Ok(ends)
}
