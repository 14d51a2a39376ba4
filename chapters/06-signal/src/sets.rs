//! What a process does with each signal, as `/proc` tells it.
//!
//! # References
//! man 5 proc_pid_status, "SigPnd" to "SigCgt".

use std::fmt;
use std::fs::read_to_string;
use std::io::{self, ErrorKind};
use wait::{Pid, Signal};

/// A set of signals.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct SignalSet(u64);

/// Four sets for one thread of a process. A signal that is in neither of the last two has its default action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalSets {
    /// They have come and wait, for this thread or for any of the process, since they are blocked.
    pub pending: SignalSet,
    /// They have to wait when they come: the mask.
    pub blocked: SignalSet,
    /// They are thrown away when they come, unless they are blocked.
    pub ignored: SignalSet,
    /// A function of the program is called when they come: they have a handler.
    pub caught: SignalSet,
}

impl SignalSets {
    /// Of the calling thread.
    ///
    /// # Errors
    /// `/proc` is not mounted.
    pub fn this() -> io::Result<SignalSets> {
        parse(&read_to_string("/proc/thread-self/status")?)
    }

    /// Of the first thread of a process, which may be another user's.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no such process, or `/proc` is not mounted.
    pub fn of(pid: Pid) -> io::Result<SignalSets> {
        parse(&read_to_string(format!("/proc/{pid}/status"))?)
    }
}

fn parse(status: &str) -> io::Result<SignalSets> {
    let set = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let bits = value.and_then(|value| u64::from_str_radix(value.trim(), 16).ok());
        bits.map(SignalSet).ok_or_else(|| {
            io::Error::new(ErrorKind::InvalidData, format!("/proc/PID/status has no {name}"))
        })
    };
    Ok(SignalSets {
        pending: SignalSet(set("SigPnd")?.0 | set("ShdPnd")?.0),
        blocked: set("SigBlk")?,
        ignored: set("SigIgn")?,
        caught: set("SigCgt")?,
    })
}

impl SignalSet {
    /// Whether `signal` is one of them.
    pub fn contains(self, signal: Signal) -> bool {
        self.has(signal as i32)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn has(self, number: i32) -> bool {
        self.0 >> (number - 1) & 1 == 1
    }
}

/// Names, or numbers where there are none: `SIGINT SIGTERM`. None at all is `-`.
impl fmt::Display for SignalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = (1..=64).filter(|number| self.has(*number)).map(|number| {
            Signal::try_from(number).map_or_else(|_| number.to_string(), |it| it.to_string())
        });
        let names: Vec<String> = names.collect();
        if names.is_empty() { f.pad("-") } else { f.pad(&names.join(" ")) }
    }
}

impl fmt::Debug for SignalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tx\nSigQ:\t0/1\nSigPnd:\t0000000000000200\nShdPnd:\t0000000000004000\n\
        SigBlk:\t0000000000004202\nSigIgn:\t0000000000001000\nSigCgt:\t8000000100000440\n";

    #[test]
    fn each_line_is_a_set_and_both_kinds_of_pending_are_one() {
        let sets = parse(STATUS).expect("all are there");
        assert_eq!(sets.pending.to_string(), "SIGUSR1 SIGTERM");
        assert_eq!(sets.blocked.to_string(), "SIGINT SIGUSR1 SIGTERM");
        assert_eq!(sets.ignored.to_string(), "SIGPIPE");
        assert_eq!(sets.caught.to_string(), "SIGBUS SIGSEGV 33 64");
        assert!(
            sets.blocked.contains(Signal::SIGINT) && !sets.blocked.contains(Signal::SIGHUP)
        );
        assert!(SignalSet::default().is_empty() && !sets.blocked.is_empty());
        assert_eq!(format!("{:>4}|{:?}", SignalSet::default(), sets.ignored), "   -|{SIGPIPE}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = parse(&STATUS.replace("SigBlk", "Sig")).expect_err("no mask");
        assert_eq!(error.to_string(), "/proc/PID/status has no SigBlk");
        let error = SignalSets::of(Pid::from_raw(i32::MAX)).expect_err("no such process");
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_rust_program_ignores_sigpipe() {
        assert!(
            SignalSets::this().expect("/proc is mounted").ignored.contains(Signal::SIGPIPE)
        );
    }
}
