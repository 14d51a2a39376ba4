//! Process groups: a child and all that it starts, under one number.
//!
//! The number of a group is the pid of its leader. It stays the group's as long as the leader has not been reaped, even
//! if it has ended, so the leader is reaped last.
//!
//! Invariant: a [`Group`] borrows its leader, which therefore nobody reaps, so a signal hits the group or nobody.
//!
//! # References
//! man 2 setpgid; man 3 killpg; man 7 credentials, "Process group ID".

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::killpg;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{getpgid, getpgrp, getpid, setpgid};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};
use wait::{Child, ChildError, ExitStatus, Pid, Signal};

// ANCHOR: group
/// Puts the calling process at the head of a process group of its own. What it starts from
/// now on belongs to the group; the terminal's Ctrl-C, which goes to the group in its
/// foreground, reaches it no longer.
///
/// # Errors
/// None that the kernel documents for a process that moves itself.
pub fn lead_group() -> io::Result<()> {
    match setpgid(Pid::from_raw(0), Pid::from_raw(0)) {
        // The leader of a session, which is refused, leads a group already.
        Err(_) if getpgrp() == getpid() => Ok(()),
        result => Ok(result?),
    }
}

/// The process group that a child of this process leads.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    leader: &'a Child,
}

impl<'a> Group<'a> {
    /// The group of `leader`. If `leader` has not come to [`lead_group`] yet, this moves it:
    /// whoever is first, afterwards it is so.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the child was reaped, since its number may be somebody
    /// else's; EACCES if it executes a program and leads no group, EPERM if it is in another
    /// session and leads no group.
    pub fn led_by(leader: &'a Child) -> io::Result<Group<'a>> {
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        if waitid(Id::PIDFd(leader.as_fd()), look).is_err() {
            let why = format!("process {} was reaped: its number is free", leader.pid());
            return Err(io::Error::new(ErrorKind::NotFound, why));
        }
        match setpgid(leader.pid(), leader.pid()) {
            Err(_) if getpgid(Some(leader.pid())) == Ok(leader.pid()) => {}
            result => result?,
        }
        Ok(Group { leader })
    }

    /// Sends a signal to every member.
    ///
    /// # Errors
    /// EPERM if all members run as another user by now.
    pub fn kill(self, signal: Signal) -> io::Result<()> {
        match killpg(self.leader.pid(), signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}
// ANCHOR_END: group

// ANCHOR: end
/// Ends children and all that is in the groups that they lead, and reaps the children:
/// SIGTERM to all at once, and SIGKILL after `grace` to those that are left. When a leader
/// has ended, what is left of its group is killed. A child that leads no group is ended
/// alone.
///
/// The statuses are in the order of `leaders`. It takes no longer than `grace` and the time
/// that killed processes take to die.
///
/// # Errors
/// The first that occurred, of [`Child::kill`] or [`Child::wait`]: a child that runs as
/// another user by now, or that somebody else has reaped. The others are ended all the same.
pub fn end(leaders: &mut [Child], grace: Duration) -> Result<Vec<ExitStatus>, ChildError> {
    // A stopped process (SIGSTOP) hears SIGTERM only when it is continued.
    for signal in [Signal::SIGTERM, Signal::SIGCONT] {
        for leader in &*leaders {
            // What cannot be told SIGTERM cannot be told SIGKILL either, and that is an error.
            let _ = tell(leader, signal);
        }
    }
    let deadline = Instant::now().checked_add(grace);
    let kill = |leader: &mut Child| {
        wait_until_ended(leader, deadline);
        tell(leader, Signal::SIGKILL)?;
        leader.wait()
    };
    let statuses: Vec<_> = leaders.iter_mut().map(kill).collect();
    statuses.into_iter().collect()
}

/// Sends a signal to the group of `leader`, or to `leader` alone if it leads none.
fn tell(leader: &Child, signal: Signal) -> Result<(), ChildError> {
    match Group::led_by(leader).and_then(|group| group.kill(signal)) {
        Ok(()) => Ok(()),
        Err(_) => leader.kill(signal),
    }
}
// ANCHOR_END: end

/// Returns when `child` has ended, without reaping it, or at the deadline. It takes no descriptor, so there is no limit
/// at which it could fail.
fn wait_until_ended(child: &Child, deadline: Option<Instant>) {
    loop {
        let left = deadline.map(|it| it.saturating_duration_since(Instant::now()));
        // A millisecond more, because `poll` counts in whole ones.
        let timeout = left.map_or(PollTimeout::NONE, |left| {
            let left = if left.is_zero() { left } else { left + Duration::from_millis(1) };
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
        });
        match poll(&mut [PollFd::new(child.as_fd(), PollFlags::POLLIN)], timeout) {
            Err(Errno::EINTR) => {}
            Ok(0) if left.is_some_and(|left| !left.is_zero()) => {}
            // ENOMEM: then it has had no time.
            _ => return,
        }
    }
}
