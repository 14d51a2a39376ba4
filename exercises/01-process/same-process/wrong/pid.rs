//! WRONG_ANSWER: thought that a number is one process.

use procfs::process::Stat;

/// What is kept of a process, to know it again.
#[derive(Debug, Clone)]
pub struct Known {
    pid: i32,
}

impl Known {
    /// Remembers the process of which `/proc/PID/stat` says this.
    pub fn remember(stat: &Stat) -> Known {
        Known { pid: stat.pid }
    }

    /// Whether it is still this process that has the number. A zombie has it still: until somebody waits for it, the
    /// number is given to nobody else.
    ///
    /// `now` is what `/proc/PID/stat` says of the number at this moment; `None` if nobody has it.
    pub fn is_still(&self, now: Option<&Stat>) -> bool {
        now.is_some_and(|now| now.pid == self.pid)
    }
}
