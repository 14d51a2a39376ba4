//! Does something in a process of its own, and says if that never comes to an end.
//!
//! It looks instead of waiting for a time to pass. As long as any process that the work has started is on a processor, or
//! has been since the last look, the work goes on. If all of them only sleep, nobody is left who could wake another.
//!
//! Invariant: when it returns, the process is gone.
//!
//! # References
//! man 5 proc_pid_status, `voluntary_ctxt_switches`; man 5 proc_tid_children.

use std::fs;
use std::os::fd::AsFd;
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pipe::frame;
use wait::{Child, Signal};

/// For how long nobody may have moved.
const QUIET: Duration = Duration::from_millis(200);

/// How long to wait between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// For how long anything may go on that does not fall asleep.
const LIMIT: Duration = Duration::from_secs(8);

/// Limit of a reason, in bytes.
const LEN_MAX: u64 = 64 << 10;

/// Does `check` in a process of its own and returns what it returns.
///
/// The processes that `check` starts are that process's children. What it changes in memory stays there. If it waits for
/// itself by sleeping, it must not sleep for longer than 0.1 s at a time.
///
/// # Errors
/// What `check` says; that it panics; that it hangs, because it and all that it has started sleep; or that it has not
/// ended after 8 s.
pub fn finishes(check: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let (mut reasons, mut reason_in) = pipe::pipe().map_err(|error| error.to_string())?;
    let mut child = Child::fork(|| {
        let verdict = panic::catch_unwind(AssertUnwindSafe(check))
            .unwrap_or_else(|_| Err("it panics".to_owned()));
        match verdict {
            Ok(()) => 0,
            Err(reason) => {
                let cut =
                    reason.as_bytes().get(..LEN_MAX as usize).unwrap_or(reason.as_bytes());
                let _ = frame::write(&mut reason_in, cut, LEN_MAX);
                1
            }
        }
    })
    .map_err(|error| error.to_string())?;
    drop(reason_in);
    let begun = Instant::now();
    let mut quiet: Option<(Vec<String>, Instant)> = None;
    loop {
        match child.wait_timeout(LOOK_EVERY) {
            Ok(None) => {}
            Ok(Some(status)) if status.code() == Some(0) => return Ok(()),
            Ok(Some(status)) => {
                let mut fds = [PollFd::new(reasons.as_fd(), PollFlags::POLLIN)];
                let _ = poll(&mut fds, PollTimeout::ZERO);
                // A worker that was left behind holds the pipe open, so there may be no end to read.
                let is_there =
                    fds[0].revents().is_some_and(|found| found.contains(PollFlags::POLLIN));
                let reason = is_there
                    .then(|| frame::read(&mut reasons, LEN_MAX).ok().flatten())
                    .flatten()
                    .map(|reason| String::from_utf8_lossy(&reason).into_owned());
                return Err(reason.unwrap_or(format!("its process has ended: {status}")));
            }
            Err(error) => return Err(error.to_string()),
        }
        let look = asleep(child.pid().as_raw());
        quiet = match (look, quiet) {
            (Some(look), Some((last, since))) if look == last => Some((last, since)),
            (Some(look), _) => Some((look, Instant::now())),
            (None, _) => None,
        };
        let what = match &quiet {
            Some((_, since)) if since.elapsed() > QUIET => {
                "it hangs: all its processes sleep, and nobody is left to wake one"
            }
            _ if begun.elapsed() > LIMIT => "it does not come to an end",
            _ => continue,
        };
        let _ = child.kill(Signal::SIGKILL);
        let _ = child.wait();
        return Err(what.to_owned());
    }
}

/// How often each thread below this process, and of it, has gone to sleep or was put off its processor; `None` if any of
/// them does not sleep.
fn asleep(root: i32) -> Option<Vec<String>> {
    let mut seen = Vec::new();
    let mut open = vec![root];
    while let Some(pid) = open.pop() {
        for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
            let status = fs::read_to_string(thread.path().join("status")).ok()?;
            let state = status.lines().find_map(|line| line.strip_prefix("State:"))?;
            if !state.trim_start().starts_with(['S', 'Z', 'T']) {
                return None;
            }
            let counts = status.lines().filter(|line| line.contains("ctxt_switches"));
            seen.push(format!("{:?} {}", thread.file_name(), counts.collect::<String>()));
            // A zombie's children have been given away.
            let children = match fs::read_to_string(thread.path().join("children")) {
                Err(_) if state.trim_start().starts_with('Z') => continue,
                children => children.ok()?,
            };
            open.extend(children.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
        }
    }
    seen.sort();
    Some(seen)
}
