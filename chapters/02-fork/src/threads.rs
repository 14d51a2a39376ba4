//! How many threads the calling process has.
//!
//! Invariant: a count of one is exact and stays true until the caller itself starts a thread, because nobody else is
//! there to start one. A higher count may be out of date by the time it is looked at.
//!
//! # References
//! man 5 proc_pid_task. That the link count of the folder is two more than the number of threads is in the kernel's
//! `fs/proc/base.c`, `proc_task_getattr`.

use crate::ForkError;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long a thread that was joined may take to leave the kernel's list, on a machine that has other work or in a
/// cgroup that may use a few percent of a processor.
const LEAVING_MAX: Duration = Duration::from_secs(2);

/// How long to leave the processor to such a thread before the next look.
const LOOK_INTERVAL: Duration = Duration::from_micros(100);

/// One entry for each thread of the calling process.
const TASKS: &str = "/proc/self/task";

// ANCHOR: expect_one
/// `Ok` if the calling thread is the only one of its process.
///
/// A thread that was just joined is counted for a moment longer: `join` returns
/// when the thread has given up its stack, which is a little before the kernel
/// takes it off the list. So a count above one is looked at again, for up to
/// [`LEAVING_MAX`], before it is an error.
pub(crate) fn expect_one() -> Result<(), ForkError> {
    let count = || count(Path::new(TASKS)).map_err(ForkError::threads_unknown);
    let mut last = count()?;
    if last > 1 {
        let ends_at = Instant::now() + LEAVING_MAX;
        while last > 1 && Instant::now() < ends_at {
            thread::sleep(LOOK_INTERVAL);
            last = count()?;
        }
    }
    if last == 1 { Ok(()) } else { Err(ForkError::Threads { count: last }) }
}

/// The number of threads, from the link count of their folder: one system call, no
/// descriptor, and exact.
///
/// Listing the folder is not exact: the kernel ends a listing early when the thread
/// that it stands at ends.
fn count(tasks: &Path) -> io::Result<usize> {
    let links = fs::metadata(tasks)?.nlink();
    // A folder has one link for its name and one for its `.`.
    match usize::try_from(links) {
        Ok(links) if links >= 3 => Ok(links - 2),
        _ => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!("{} has {links} links, too few to count threads by", tasks.display()),
        )),
    }
}
// ANCHOR_END: expect_one

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn threads_are_counted() {
        let before = count(Path::new(TASKS)).expect("/proc is mounted");
        let barrier = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| barrier.wait());
            }
            // libtest's other threads come and go, but these three stay until the barrier opens.
            let during = count(Path::new(TASKS)).expect("/proc is mounted");
            assert!(before >= 1 && during >= 4, "{before} before, {during} with three more");
            barrier.wait();
        });
    }

    #[test]
    fn without_proc_there_is_an_error_and_no_guess() {
        let missing = count(Path::new("/nonexistent/self/task")).expect_err("no such folder");
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        let file = std::env::current_exe().expect("path of the running test");
        let links = count(&file).expect_err("a file has no link for `.`");
        assert_eq!(links.kind(), io::ErrorKind::Unsupported);
    }
}
