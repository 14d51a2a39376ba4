//! Ends everything that descends from this process, however it tries to stay.
//!
//! Whole process groups are killed at once: the kernel lets no fork of a member slip through between. A daemon that
//! has made a session and a group of its own is found by its parent, which is a subreaper: this process.
//!
//! A program whose processes all make sessions of their own and fork on has to be outrun: its processes are forbidden to fork
//! (`RLIMIT_NPROC`), and where the caller is root, whom that limit does not bind, it sweeps with real-time priority.
//!
//! Invariant: signals go only to processes that descend from this one at that moment, and to groups that lie in
//! another session than ours. Strangers are left alone.
//!
//! # References
//! man 2 kill; man 2 pidfd_send_signal; man 2 prctl, `PR_SET_CHILD_SUBREAPER`.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getpid, getsid};
use procfs::process::Stat;

use crate::family::{self, Family, Identity};
use crate::haste::Haste;
use crate::pidfd;

/// How long the kernel may take to end what was killed. A process in an uninterruptible sleep may outlast it.
const LIMIT: Duration = Duration::from_secs(20);

/// How long to wait between two passes.
const PAUSE_MS: u16 = 2;

/// Kills and reaps all descendants of this process but the strangers.
///
/// # Errors
/// If the processes cannot be listed, or some could not be ended: their pids.
pub(crate) fn everything(strangers: &[Identity]) -> io::Result<()> {
    let ends_at = Instant::now() + LIMIT;
    let _haste = Haste::make();
    let mut was_empty = false;
    loop {
        let left = Family::below_this_process(strangers)?;
        // A second look finds what was being started during the first.
        if left.is_empty() && was_empty {
            return Ok(());
        }
        was_empty = left.is_empty();
        if was_empty {
            continue;
        }
        if Instant::now() >= ends_at {
            let pids: Vec<i32> = left.iter().map(|stat| stat.pid).collect();
            return Err(io::Error::other(format!("these processes do not end: {pids:?}")));
        }
        reap(&left);
        kill(&left);
        // No descriptor: only to let the killed end.
        let _ = poll(&mut [] as &mut [PollFd], PollTimeout::from(PAUSE_MS));
    }
}

fn kill(targets: &[Stat]) {
    let own_session = getsid(None).map_or(0, Pid::as_raw);
    let groups: BTreeSet<i32> = targets
        .iter()
        .filter(|stat| stat.session != own_session && stat.pgrp > 1)
        .map(|stat| stat.pgrp)
        .collect();
    for group in groups {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    for stat in targets {
        end(stat);
    }
}

/// Kills a process if it is still the one that was listed.
fn end(listed: &Stat) {
    let Ok(pidfd) = pidfd::open(listed.pid) else { return };
    // While the pidfd is held it means this process, whatever becomes of its number.
    if family::stat(listed.pid).is_some_and(|now| now.starttime == listed.starttime) {
        forbid_fork(listed.pid);
        let _ = pidfd::signal(&pidfd, libc::SIGKILL);
    }
}

/// From now on a process of an ordinary user, and all that descends from it, cannot fork.
fn forbid_fork(pid: i32) {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the new limit is read from a local variable, and the old one is not asked for.
    unsafe { libc::prlimit(pid, libc::RLIMIT_NPROC, &none, std::ptr::null_mut()) };
}

/// Takes the exit status of every child among them that has ended.
fn reap(left: &[Stat]) {
    let own = getpid().as_raw();
    for child in left.iter().filter(|stat| stat.ppid == own && family::is_dead(stat)) {
        let _ = waitpid(Pid::from_raw(child.pid), Some(WaitPidFlag::WNOHANG));
    }
}
