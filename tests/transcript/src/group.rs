//! The processes of one run: a process group, found again through `/proc`.
//!
//! A process group outlives its leader, so what an example left behind can still be found and killed by it
//! (man 7 credentials, "Process group").

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use std::thread;
use std::time::{Duration, Instant};

/// How often a wait looks again.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// A process group whose leader this program started.
pub(crate) struct Group(Pid);

impl Group {
    pub(crate) fn led_by(pid: u32) -> Self {
        Group(Pid::from_raw(i32::try_from(pid).expect("a pid fits an i32")))
    }

    /// Waits for the end of the leader and does not reap it, so that its number stays its own.
    pub(crate) fn leader_has_ended_by(&self, ends_at: Instant) -> bool {
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        let has_ended = || waitid(Id::Pid(self.0), look) != Ok(WaitStatus::StillAlive);
        until(ends_at, has_ended)
    }

    /// Who is still running after `limit`; nobody is waited for longer than needed.
    pub(crate) fn alive_after(&self, limit: Duration) -> Vec<String> {
        let mut alive = Vec::new();
        until(Instant::now() + limit, || {
            alive = self.alive();
            alive.is_empty()
        });
        alive
    }

    /// Kills every member. That there is none left is no error. The leader must not be reaped before.
    pub(crate) fn kill(&self) {
        let _ = killpg(self.0, Signal::SIGKILL);
    }

    /// The members that still run, as `PID (NAME)`. A zombie has ended: it only waits for whoever adopted it.
    fn alive(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
        entries
            .flatten()
            .filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok())
            .filter_map(|stat| self.member(&stat))
            .collect()
    }

    /// `PID (NAME)` if this line of `/proc/PID/stat` is that of a running member. The name may hold spaces and
    /// parentheses, so the fields are counted from the last `)` (man 5 proc_pid_stat).
    fn member(&self, stat: &str) -> Option<String> {
        let (who, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_whitespace();
        let state = fields.next()?;
        let group: i32 = fields.nth(1)?.parse().ok()?;
        (group == self.0.as_raw() && state != "Z" && state != "X").then(|| format!("{who})"))
    }
}

fn until(ends_at: Instant, mut is_so: impl FnMut() -> bool) -> bool {
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() >= ends_at {
            return false;
        }
        thread::sleep(LOOK_INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_told_by_group_and_state() {
        let group = Group::led_by(4001);
        assert_eq!(group.member("4002 (a) b) S 1 4001 4001 0"), Some("4002 (a) b)".to_owned()));
        assert_eq!(group.member("4002 (cat) Z 1 4001 4001 0"), None);
        assert_eq!(group.member("4002 (cat) S 1 77 77 0"), None);
    }
}
