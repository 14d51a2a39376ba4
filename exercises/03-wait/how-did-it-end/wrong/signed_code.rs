//! WRONG_ANSWER: thinks that a code can be negative, because the child said -1.

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code: 0 to 255.
    Exited(i32),
    /// By a signal.
    Killed {
        /// The signal's number: 1 to 64.
        signal: i32,
        /// Whether the kernel has written the memory of the process to a file, the core dump.
        core_dumped: bool,
    },
}

/// Takes apart the `status` that `waitpid` has written for a process that has ended.
pub fn how_it_ended(status: i32) -> End {
    if libc::WIFSIGNALED(status) {
        End::Killed { signal: libc::WTERMSIG(status), core_dumped: libc::WCOREDUMP(status) }
    } else {
        End::Exited(i32::from((status >> 8) as i8))
    }
}
