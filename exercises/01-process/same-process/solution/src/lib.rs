//! Knowing a process again.

use procfs::process::Stat;

/// What is kept of a process, to know it again.
#[derive(Debug, Clone)]
pub struct Known {
    pid: i32,
    start_ticks: u64,
}

impl Known {
    /// Remembers the process of which `/proc/PID/stat` says this.
    pub fn remember(stat: &Stat) -> Known {
        Known { pid: stat.pid, start_ticks: stat.starttime }
    }

    /// Whether it is still this process that has the number. A zombie has it still: until somebody waits for it, the
    /// number is given to nobody else.
    ///
    /// `now` is what `/proc/PID/stat` says of the number at this moment; `None` if nobody has it.
    pub fn is_still(&self, now: Option<&Stat>) -> bool {
        // Of all that the kernel says, these two are set at the fork and never change.
        now.is_some_and(|now| now.pid == self.pid && now.starttime == self.start_ticks)
    }
}
