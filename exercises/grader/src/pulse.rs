//! Whether anything in the program still moves.
//!
//! Two looks tell: if every thread is asleep in a call that no time ends, and none has been on a processor in between
//! (its context switches have not increased), then nobody is left who could wake another. A busy machine does not
//! disturb this. A thread that would run but gets no processor is not asleep.
//!
//! Invariant: if what a thread is asleep in may not be read, the answer is never "quiet".

use std::fs;
use std::time::{Duration, Instant};

use crate::blocked::{Asleep, Blocked};
use crate::family;
use procfs::process::Stat;

/// The last looks at who is asleep.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    last: Option<(Vec<Beat>, Instant)>,
}

/// One thread, as far as it shows whether it moves.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Beat {
    tid: i32,
    voluntary: u64,
    nonvoluntary: u64,
    blocked: Blocked,
}

impl Pulse {
    /// For how long all threads of `processes` have slept without anybody to wake them. Zero if anyone moves.
    pub(crate) fn quiet_for(&mut self, processes: &[&Stat]) -> Duration {
        let now = Instant::now();
        let by_process: Option<Vec<Vec<Beat>>> =
            processes.iter().map(|stat| endless(stat.pid)).collect();
        let beats = by_process.map(|beats| beats.concat());
        match (beats, &self.last) {
            (None, _) => {
                self.last = None;
                Duration::ZERO
            }
            (Some(beats), Some((last, since))) if beats == *last => now - *since,
            (Some(beats), _) => {
                self.last = Some((beats, now));
                Duration::ZERO
            }
        }
    }
}

/// The sleep of one process, with or without a time limit.
#[derive(Debug, Default)]
pub(crate) struct Nap {
    /// How often it has gone to sleep since the first look.
    pub(crate) wakes: u64,
    first_switches: Option<u64>,
    last: Option<(Vec<Beat>, Instant)>,
}

impl Nap {
    /// What its first thread sleeps in, and for how long already all of them sleep.
    pub(crate) fn watch(&mut self, pid: i32) -> (Option<Blocked>, Duration) {
        let now = Instant::now();
        let Some(beats) = beats(pid).filter(|beats| !beats.is_empty()) else {
            self.last = None;
            return (None, Duration::ZERO);
        };
        let voluntary = beats.iter().map(|beat| beat.voluntary).sum();
        self.wakes =
            u64::saturating_sub(voluntary, *self.first_switches.get_or_insert(voluntary));
        let blocked = Some(beats[0].blocked.clone());
        match &self.last {
            Some((last, since)) if *last == beats => (blocked, now - *since),
            _ => {
                self.last = Some((beats, now));
                (blocked, Duration::ZERO)
            }
        }
    }
}

/// How the threads of a process sleep, if nothing but another's doing wakes any of them.
fn endless(pid: i32) -> Option<Vec<Beat>> {
    let is_woken_by_time = |beat: &Beat| {
        // A call of which nothing is known may have a time limit.
        matches!(beat.blocked, Blocked::Other { .. })
            || beat.blocked.is_timed()
            || waits_on_a_clock(pid, &beat.blocked)
    };
    let beats = beats(pid)?;
    (!has_timers(pid) && !beats.iter().any(is_woken_by_time)).then_some(beats)
}

/// Whether the process has a timer of its own (man 2 timer_create), or catches the signal of one (man 2 setitimer).
fn has_timers(pid: i32) -> bool {
    const CLOCKS: [i32; 3] = [libc::SIGALRM, libc::SIGVTALRM, libc::SIGPROF];
    let caught = status(pid, pid)
        .and_then(|status| u64::from_str_radix(field(&status, "SigCgt")?, 16).ok())
        .unwrap_or(0);
    CLOCKS.iter().any(|signal| caught & (1 << (signal - 1)) != 0)
        || fs::read(format!("/proc/{pid}/timers")).is_ok_and(|timers| !timers.is_empty())
}

/// Whether what it reads may become ready by a time: a timer, a socket with a time limit, or an epoll that may have one.
fn waits_on_a_clock(pid: i32, blocked: &Blocked) -> bool {
    let fds: &[i32] = match blocked {
        Blocked::Read { fd } | Blocked::Write { fd } => &[*fd],
        Blocked::Poll { fds, .. } => fds,
        _ => &[],
    };
    fds.iter().any(|fd| {
        fs::read_link(format!("/proc/{pid}/fd/{fd}")).is_ok_and(|target| {
            let target = target.to_string_lossy();
            target.starts_with("socket:")
                || target.contains("[timerfd]")
                || target.contains("[eventpoll]")
        })
    })
}

/// How the threads of a process sleep; `None` if one does not, or if that may not be read.
fn beats(pid: i32) -> Option<Vec<Beat>> {
    let mut beats = Vec::new();
    for tid in family::threads(pid) {
        let status = status(pid, tid)?;
        let state = field(&status, "State")?;
        if state.starts_with('Z') {
            continue;
        }
        if !state.starts_with(['S', 'T', 't']) {
            return None;
        }
        let number = |name: &str| field(&status, name)?.parse::<u64>().ok();
        // A stopped thread goes on at a signal and at nothing else, whatever call it was in.
        let is_stopped = state.starts_with(['T', 't']);
        let blocked = if is_stopped { Blocked::Signal } else { Asleep::of(pid, tid).blocked };
        if matches!(blocked, Blocked::Running | Blocked::Ended | Blocked::Unread { .. }) {
            return None;
        }
        beats.push(Beat {
            tid,
            voluntary: number("voluntary_ctxt_switches")?,
            nonvoluntary: number("nonvoluntary_ctxt_switches")?,
            blocked,
        });
    }
    Some(beats)
}

/// The file `status` of a thread. Its name may be cut in the middle of a character.
fn status(pid: i32, tid: i32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/task/{tid}/status")).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.trim())
}
