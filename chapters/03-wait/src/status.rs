//! How a process ended.

use nix::sys::signal::Signal;
use std::fmt;

// ANCHOR: status
/// How a process ended: by itself, or by a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExitStatus {
    /// It called `exit` or returned from `main`; 0 to 255.
    Exited(i32),
    /// A signal ended it.
    Signaled {
        /// The number of the signal; real-time signals have no name.
        signal: i32,
        /// Whether the kernel wrote its memory to a file.
        core_dumped: bool,
    },
}
// ANCHOR_END: status

impl ExitStatus {
    /// Whether it ended with code 0.
    pub fn success(self) -> bool {
        self == ExitStatus::Exited(0)
    }

    /// The exit code; `None` if a signal ended it.
    pub fn code(self) -> Option<i32> {
        match self {
            ExitStatus::Exited(code) => Some(code),
            ExitStatus::Signaled { .. } => None,
        }
    }

    /// The number of the signal that ended it, if one did.
    pub fn signal(self) -> Option<i32> {
        match self {
            ExitStatus::Exited(_) => None,
            ExitStatus::Signaled { signal, .. } => Some(signal),
        }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ExitStatus::Exited(code) => write!(f, "exit code {code}"),
            ExitStatus::Signaled { signal, core_dumped } => {
                match Signal::try_from(signal) {
                    Ok(name) => write!(f, "signal {signal} ({name})")?,
                    Err(_) => write!(f, "signal {signal}")?,
                }
                f.write_str(if core_dumped { ", core dumped" } else { "" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_says_what_it_was() {
        let died =
            |signal, core_dumped| ExitStatus::Signaled { signal, core_dumped }.to_string();
        assert_eq!(ExitStatus::Exited(3).to_string(), "exit code 3");
        assert_eq!(died(9, false), "signal 9 (SIGKILL)");
        assert_eq!(died(11, true), "signal 11 (SIGSEGV), core dumped");
        assert_eq!(died(40, false), "signal 40");
    }

    #[test]
    fn only_code_zero_is_success() {
        assert!(ExitStatus::Exited(0).success());
        assert!(!ExitStatus::Exited(1).success());
        assert!(!ExitStatus::Signaled { signal: 9, core_dumped: false }.success());
    }
}
