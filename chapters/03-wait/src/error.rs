//! Why a child could not be made, taken over or waited for.

use fork::{ForkError, Pid};
use nix::errno::Errno;
use std::error::Error;
use std::fmt;
use std::io;

/// Why an operation on a child failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ChildError {
    /// There is no new process; the fork says why.
    Fork(ForkError),
    /// The process is not a child of this one, or was reaped by somebody else: a `waitpid(-1)` elsewhere in the
    /// program, or the kernel itself because SIGCHLD is ignored.
    NotAChild {
        /// The pid that it has or had.
        pid: Pid,
    },
    /// The kernel refused something else: one descriptor more (EMFILE, ENFILE), a signal to another user's process
    /// (EPERM), or all of this because it is older than Linux 5.4 (ENOSYS, EINVAL).
    Os {
        /// The system call.
        call: &'static str,
        /// The process that it was about, if it was about one.
        pid: Option<Pid>,
        /// What the kernel said.
        source: io::Error,
    },
}

impl ChildError {
    pub(crate) fn new(call: &'static str, pid: Pid, errno: Errno) -> Self {
        match errno {
            Errno::ECHILD | Errno::ESRCH => ChildError::NotAChild { pid },
            _ => ChildError::os(call, Some(pid), errno.into()),
        }
    }

    pub(crate) fn os(call: &'static str, pid: Option<Pid>, source: io::Error) -> Self {
        ChildError::Os { call, pid, source }
    }
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChildError::Fork(error) => error.fmt(f),
            ChildError::NotAChild { pid } => write!(
                f,
                "process {pid} is not, or no longer, a child of this one: was it reaped by another waitpid, or is \
                 SIGCHLD ignored?"
            ),
            ChildError::Os { call, pid, source } => {
                write!(f, "{call}")?;
                if let Some(pid) = pid {
                    write!(f, " for process {pid}")?;
                }
                write!(f, ": {source}{}", way_out(source))
            }
        }
    }
}

impl Error for ChildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ChildError::Fork(error) => Some(error),
            ChildError::NotAChild { .. } => None,
            ChildError::Os { source, .. } => Some(source),
        }
    }
}

/// What the reader of the message can do about it.
fn way_out(source: &io::Error) -> &'static str {
    match source.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EMFILE | Errno::ENFILE) => {
            "; each child takes one descriptor: close some, or raise `ulimit -n`"
        }
        Some(Errno::ENOSYS | Errno::EINVAL) => "; pidfds need Linux 5.4 or later",
        Some(Errno::EPERM) => "; the process runs as another user: only root may signal it",
        _ => "",
    }
}

impl From<ForkError> for ChildError {
    fn from(error: ForkError) -> Self {
        ChildError::Fork(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(errno: Errno) -> String {
        ChildError::new("waitid", Pid::from_raw(4001), errno).to_string()
    }

    #[test]
    fn each_error_names_the_process_and_the_way_out() {
        insta::assert_snapshot!(
            [
                text(Errno::ECHILD),
                text(Errno::EMFILE),
                text(Errno::EPERM),
                text(Errno::ENOSYS),
                text(Errno::ENOMEM),
                ChildError::os("pipe", None, Errno::ENFILE.into()).to_string(),
            ]
            .join("\n"),
            @r"
        process 4001 is not, or no longer, a child of this one: was it reaped by another waitpid, or is SIGCHLD ignored?
        waitid for process 4001: Too many open files (os error 24); each child takes one descriptor: close some, or raise `ulimit -n`
        waitid for process 4001: Operation not permitted (os error 1); the process runs as another user: only root may signal it
        waitid for process 4001: Function not implemented (os error 38); pidfds need Linux 5.4 or later
        waitid for process 4001: Cannot allocate memory (os error 12)
        pipe: Too many open files in system (os error 23); each child takes one descriptor: close some, or raise `ulimit -n`
        "
        );
    }

    #[test]
    fn the_cause_stays_as_the_source() {
        let error = ChildError::new("waitid", Pid::from_raw(4001), Errno::EMFILE);
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.and_then(io::Error::raw_os_error), Some(Errno::EMFILE as i32));
        assert!(ChildError::NotAChild { pid: Pid::from_raw(4001) }.source().is_none());
    }
}
