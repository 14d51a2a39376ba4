//! What a process or thread is doing, in the words of `ps`.
//!
//! The source is man 5 proc_pid_stat, field 3.

use std::fmt;

/// The scheduler's word for a process or thread (the third field of `/proc/PID/stat`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// On a processor, or waiting for one.
    Running,
    /// Waits for an event; a signal wakes it.
    Sleeping,
    /// Waits for a device; no signal wakes it.
    DiskSleep,
    /// Stopped by SIGSTOP or by job control.
    Stopped,
    /// Stopped by a debugger.
    Traced,
    /// Ended; its parent has not yet asked how.
    Zombie,
    /// A kernel thread with nothing to do.
    Idle,
    /// About to vanish, or a state this book has no use for.
    Other,
}

impl State {
    /// From the letter in `/proc/PID/stat` (man 5 proc_pid_stat, field 3).
    pub fn of_letter(letter: char) -> Self {
        match letter {
            // W was "waking" before Linux 4.13 and "paging" before 2.6.
            'R' | 'W' => State::Running,
            'S' => State::Sleeping,
            'D' => State::DiskSleep,
            'T' => State::Stopped,
            't' => State::Traced,
            'Z' => State::Zombie,
            'I' => State::Idle,
            _ => State::Other,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            State::Running => "running",
            State::Sleeping => "sleeping",
            State::DiskSleep => "disk sleep",
            State::Stopped => "stopped",
            State::Traced => "traced",
            State::Zombie => "zombie",
            State::Idle => "idle",
            State::Other => "other",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_letter_has_its_word_and_the_unknown_is_no_error() {
        let words: Vec<String> =
            "RSDTtZIXP?".chars().map(|letter| State::of_letter(letter).to_string()).collect();
        assert_eq!(
            words.join(" "),
            "running sleeping disk sleep stopped traced zombie idle other other other"
        );
    }

    #[test]
    fn a_state_pads_in_a_table() {
        assert_eq!(format!("{:9}|", State::Zombie), "zombie   |");
    }
}
