//! The child, between clone and exec.
//!
//! It runs on its own stack in the memory of its parent, whose calling thread stands still
//! meanwhile; the parent's other threads run on. So it writes to nothing but its stack and the
//! calling thread's `errno`, allocates nothing, takes no lock and does not panic. Every call
//! here is a system call or a thin wrapper around one, and none is a cancellation point: the C
//! library would take the child for the calling thread and run that thread's cleanup.
//!
//! The source is man 2 vfork, "Caveats"; man 7 signal-safety; man 7 pthreads, "Cancellation
//! points".

use crate::prepare::Prepared;
use crate::{descriptors, signals};
use nix::errno::Errno;
use std::os::fd::{AsRawFd, RawFd};

/// The exit code of a child that could not become the program, as in a shell. Nobody sees it:
/// `spawn` reaps it.
const FAILED_CODE: i32 = 127;

/// The step at which the child failed; its number goes through the error pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Step {
    Dup2 = 1,
    CloseRange = 2,
    Signals = 3,
    Exec = 4,
}

impl Step {
    /// What `number` stands for, if anything.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        [Step::Dup2, Step::CloseRange, Step::Signals, Step::Exec]
            .into_iter()
            .find(|step| *step as u8 == number)
    }

    pub(crate) fn call(self) -> &'static str {
        match self {
            Step::Dup2 => "dup2",
            Step::CloseRange => "close_range",
            Step::Signals => "rt_sigprocmask",
            Step::Exec => "execve",
        }
    }
}

/// How many bytes a report has: the step, then the errno in the machine's byte order.
pub(crate) const REPORT_LEN: usize = 5;

// ANCHOR: become_program
/// Becomes the program, or writes to `error_pipe` why not, and ends.
pub(crate) fn become_program(prepared: &Prepared, error_pipe: RawFd) -> ! {
    let (step, errno) = try_become(prepared);
    let [a, b, c, d] = (errno as i32).to_ne_bytes();
    let report: [u8; REPORT_LEN] = [step as u8, a, b, c, d];
    // SAFETY: the bytes are on this stack. The pipe is empty and has room for them, so the
    // write is whole.
    unsafe { libc::syscall(libc::SYS_write, error_pipe, report.as_ptr(), REPORT_LEN) };
    // SAFETY: `_exit` runs nothing of this process and does not return.
    unsafe { libc::_exit(FAILED_CODE) }
}

fn try_become(prepared: &Prepared) -> (Step, Errno) {
    for (source, target) in &prepared.fds {
        // SAFETY: two numbers. The source is open and is not the target, so the copy has no
        // close-on-exec.
        if unsafe { libc::dup2(source.as_raw_fd(), *target) } == -1 {
            return (Step::Dup2, Errno::last());
        }
    }
    if let Err(errno) = descriptors::close_on_exec(&prepared.closed, prepared.fd_limit) {
        return (Step::CloseRange, errno);
    }
    if let Err(errno) = signals::reset() {
        return (Step::Signals, errno);
    }
    (Step::Exec, exec(prepared))
}
// ANCHOR_END: become_program

/// Tries the files in turn as `execvp` does. A file that may not be executed is remembered,
/// because that says more than "not found" in the last folder.
fn exec(prepared: &Prepared) -> Errno {
    let mut denied = false;
    let mut last = Errno::ENOENT;
    for file in &prepared.files {
        let (argv, envp) = (prepared.argv.as_ptr(), prepared.envp.as_ptr());
        // SAFETY: the file and the arrays end with a null, and `prepared` lives until the
        // parent goes on.
        unsafe { libc::execve(file.as_ptr(), argv, envp) };
        last = Errno::last();
        match last {
            Errno::EACCES => denied = true,
            // No such file in this folder, or a network folder that does not answer.
            Errno::ENOENT
            | Errno::ENOTDIR
            | Errno::ESTALE
            | Errno::ENODEV
            | Errno::ETIMEDOUT => {}
            _ => return last,
        }
    }
    if denied { Errno::EACCES } else { last }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_known_by_its_number() {
        for step in [Step::Dup2, Step::CloseRange, Step::Signals, Step::Exec] {
            assert_eq!(Step::from_number(step as u8), Some(step), "{}", step.call());
        }
        assert_eq!(Step::from_number(0), None);
        assert_eq!(Step::from_number(5), None);
    }
}
