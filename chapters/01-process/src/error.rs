//! Why a snapshot could not be taken, sorted by what the caller can do.
//!
//! The source is man 5 proc ("hidepid") and man 2 ptrace, "Ptrace access mode checking".

use nix::errno::Errno;
use std::error::Error;
use std::fmt;
use std::io;

/// Why [`Snapshot::of`](crate::Snapshot::of) failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum SnapshotError {
    /// No process has this pid (any more), or `/proc` hides it.
    NotFound {
        /// The pid that was asked for.
        pid: i32,
    },
    /// The process belongs to somebody else, or may not be looked into.
    Denied {
        /// The pid that was asked for.
        pid: i32,
        /// The file under `/proc/PID` that the kernel refused.
        file: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// Anything else: `/proc` is not mounted, no descriptor is left to open it with, the kernel does not have the
    /// file, or it says what nobody understands.
    Unreadable {
        /// The pid that was asked for.
        pid: i32,
        /// The file under `/proc/PID`, empty for the folder itself.
        file: &'static str,
        /// What the kernel said, or what the parser did not understand.
        source: io::Error,
    },
}

impl SnapshotError {
    /// What went wrong when `file` of process `pid` was read.
    pub(crate) fn new(pid: i32, file: &'static str, source: io::Error) -> Self {
        match source.raw_os_error().map(Errno::from_raw) {
            // ESRCH: the file was opened while the process lived and read when it no longer did.
            Some(Errno::ENOENT | Errno::ESRCH) => SnapshotError::NotFound { pid },
            // EPERM is hidepid's, EACCES everybody else's.
            Some(Errno::EACCES | Errno::EPERM) => SnapshotError::Denied { pid, file, source },
            _ => SnapshotError::Unreadable { pid, file, source },
        }
    }
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SnapshotError::NotFound { pid } if *pid < 1 => {
                write!(f, "no process has the pid {pid}: pids begin at 1")
            }
            SnapshotError::NotFound { pid } => write!(
                f,
                "there is no process {pid}: it has ended and was reaped, or it never was, or /proc hides it (hidepid)"
            ),
            SnapshotError::Denied { pid, file, .. } => write!(
                f,
                "not allowed to read /proc/{pid}/{file}: the process belongs to another user or is protected; \
                 look as its user or as root"
            ),
            SnapshotError::Unreadable { pid, file, source } => {
                let remedy = match source.raw_os_error().map(Errno::from_raw) {
                    Some(Errno::ENOENT) if file.is_empty() => "; mount /proc",
                    Some(Errno::ENOENT) => {
                        "; it takes Linux 4.14 or later, built with CONFIG_PROC_PAGE_MONITOR"
                    }
                    Some(Errno::EMFILE) => "; close descriptors or raise the limit (ulimit -n)",
                    _ => "",
                };
                let slash = if file.is_empty() { "" } else { "/" };
                write!(f, "cannot read /proc/{pid}{slash}{file}: {source}{remedy}")
            }
        }
    }
}

impl Error for SnapshotError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SnapshotError::NotFound { .. } => None,
            SnapshotError::Denied { source, .. } | SnapshotError::Unreadable { source, .. } => {
                Some(source)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(errno: Errno) -> String {
        SnapshotError::new(77, "fd", errno.into()).to_string()
    }

    #[test]
    fn each_message_names_the_process_and_the_way_out() {
        assert_eq!(
            said(Errno::ESRCH),
            "there is no process 77: it has ended and was reaped, or it never was, or /proc hides it (hidepid)"
        );
        assert_eq!(
            said(Errno::EPERM),
            "not allowed to read /proc/77/fd: the process belongs to another user or is protected; \
             look as its user or as root"
        );
        assert_eq!(
            said(Errno::EMFILE),
            "cannot read /proc/77/fd: Too many open files (os error 24); \
             close descriptors or raise the limit (ulimit -n)"
        );
        assert_eq!(
            SnapshotError::NotFound { pid: 0 }.to_string(),
            "no process has the pid 0: pids begin at 1"
        );
        let no_proc =
            SnapshotError::Unreadable { pid: 77, file: "", source: Errno::ENOENT.into() };
        assert_eq!(
            no_proc.to_string(),
            "cannot read /proc/77: No such file or directory (os error 2); mount /proc"
        );
        let no_rollup = SnapshotError::Unreadable {
            pid: 77,
            file: "smaps_rollup",
            source: Errno::ENOENT.into(),
        };
        assert_eq!(
            no_rollup.to_string(),
            "cannot read /proc/77/smaps_rollup: No such file or directory (os error 2); \
             it takes Linux 4.14 or later, built with CONFIG_PROC_PAGE_MONITOR"
        );
    }

    #[test]
    fn the_errno_stays_as_the_source() {
        let error = SnapshotError::new(77, "fd", Errno::EACCES.into());
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.and_then(io::Error::raw_os_error), Some(Errno::EACCES as i32));
        assert!(SnapshotError::NotFound { pid: 77 }.source().is_none());
    }
}
