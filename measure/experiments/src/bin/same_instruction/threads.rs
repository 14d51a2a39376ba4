//! Counts the threads before and after a fork.
//!
//! Source: man 2 fork, "The child process is created with a single thread".

use anyhow::{Context, Result};
use nix::sys::wait::waitpid;
use process::Snapshot;
use std::os::fd::AsRawFd;
use std::sync::Barrier;
use std::thread;

/// Threads beside the first.
const FURTHER: usize = 3;

/// How many threads there were.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Threads {
    pub(crate) parent: usize,
    pub(crate) child: usize,
}

/// Forks with further threads running, and counts on both sides.
pub(crate) fn count() -> Result<Threads> {
    let barrier = Barrier::new(FURTHER + 1);
    thread::scope(|scope| {
        for _ in 0..FURTHER {
            scope.spawn(|| {
                barrier.wait();
                barrier.wait();
            });
        }
        barrier.wait();
        let counted = fork_and_count();
        barrier.wait();
        counted
    })
}

fn fork_and_count() -> Result<Threads> {
    let (gate, opener) = nix::unistd::pipe().context("pipe failed")?;
    let own_opener = opener.as_raw_fd();
    let child = || {
        // With its own copy open it would never see the end.
        let _ = nix::unistd::close(own_opener);
        let _ = nix::unistd::read(&gate, &mut [0]);
        0
    };
    // SAFETY: the child makes two system calls, which a signal handler may make, too.
    let pid = unsafe { fork::fork_unchecked(child) }.context("fork failed")?;
    let child = Snapshot::of(pid.as_raw());
    drop(opener);
    waitpid(pid, None).context("waitpid failed")?;
    let parent = Snapshot::this().context("cannot look at this process")?.threads.len();
    Ok(Threads { parent, child: child.context("cannot look at the child")?.threads.len() })
}
