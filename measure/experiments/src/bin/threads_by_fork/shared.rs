//! What the new one has in common with its maker, found out by using it: a number in memory, a descriptor, the pid.

use anyhow::{Context, Result};
use nix::sys::wait::{WaitStatus, waitpid};
use std::fs::File;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::sync::atomic::{AtomicU32, Ordering};

/// What is common to both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shared {
    /// A value that the new one wrote is found by its maker.
    pub(crate) memory: bool,
    /// A descriptor that the new one closed is closed for its maker.
    pub(crate) descriptors: bool,
    /// Both have the same pid.
    pub(crate) pid: bool,
}

impl Shared {
    /// As a fact shows it.
    pub(crate) fn words(self) -> String {
        let parts =
            [(self.memory, "memory"), (self.descriptors, "descriptors"), (self.pid, "pid")];
        let words: Vec<&str> =
            parts.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
        if words.is_empty() {
            "none of memory, descriptors, pid".to_owned()
        } else {
            words.join(", ")
        }
    }
}

/// The number in memory; nobody has written it yet.
const BEFORE: u32 = 1;
const AFTER: u32 = 2;

/// Closes the descriptor and writes the number, as the new one, and says its pid.
fn act(number: &AtomicU32, descriptor: i32) -> u32 {
    number.store(AFTER, Ordering::SeqCst);
    let _ = nix::unistd::close(descriptor);
    std::process::id()
}

fn is_open(descriptor: i32) -> bool {
    std::fs::read_link(format!("/proc/self/fd/{descriptor}"))
        .is_ok_and(|link| link.ends_with("null"))
}

/// With a new thread.
pub(crate) fn by_thread() -> Result<Shared> {
    // The thread closes it, so nobody must own it here.
    let descriptor = File::open("/dev/null").context("cannot open /dev/null")?.into_raw_fd();
    let number = AtomicU32::new(BEFORE);
    let pid = std::thread::scope(|scope| {
        scope
            .spawn(|| act(&number, descriptor))
            .join()
            .map_err(|_| anyhow::anyhow!("the thread panicked"))
    })?;
    let shared = Shared {
        memory: number.load(Ordering::SeqCst) == AFTER,
        descriptors: !is_open(descriptor),
        pid: pid == std::process::id(),
    };
    if !shared.descriptors {
        let _ = nix::unistd::close(descriptor);
    }
    Ok(shared)
}

/// With a forked process.
pub(crate) fn by_fork() -> Result<Shared> {
    let file = File::open("/dev/null").context("cannot open /dev/null")?;
    let (descriptor, own_pid) = (file.as_raw_fd(), std::process::id());
    let number = AtomicU32::new(BEFORE);
    let pid =
        fork::fork(|| i32::from(act(&number, descriptor) == own_pid)).context("fork failed")?;
    let status = waitpid(pid, None).context("waitpid failed")?;
    Ok(Shared {
        memory: number.load(Ordering::SeqCst) == AFTER,
        descriptors: !is_open(descriptor),
        pid: status == WaitStatus::Exited(pid, 1),
    })
}
