//! Why a program was not started, sorted by what the caller can do.

use nix::errno::Errno;
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use wait::ChildError;

/// Why [`Command::spawn`](crate::Command::spawn) started no program. No process is left.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExecError {
    /// The kernel would not execute this file.
    Exec {
        /// The file, or the name that was not found in `PATH`.
        path: PathBuf,
        /// The errno.
        source: io::Error,
    },
    /// No room for one more process or descriptor.
    Limit {
        /// The system call that said so.
        call: &'static str,
        /// EAGAIN, ENOMEM, EMFILE or ENFILE.
        source: io::Error,
    },
    /// No program can be given this.
    Invalid {
        /// What it was to be.
        what: &'static str,
        /// What was given.
        value: OsString,
    },
    /// Anything else.
    Os {
        /// The system call.
        call: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

impl ExecError {
    pub(crate) fn new(call: &'static str, errno: Errno) -> Self {
        ExecError::os(call, errno.into())
    }

    /// The program ran, but nobody could have waited for it.
    pub(crate) fn not_owned(error: ChildError) -> Self {
        match error {
            ChildError::Os { call, source, .. } => ExecError::os(call, source),
            error => ExecError::Os { call: "waitid", source: io::Error::other(error) },
        }
    }

    fn os(call: &'static str, source: io::Error) -> Self {
        match errno(&source) {
            Some(Errno::EAGAIN | Errno::ENOMEM | Errno::EMFILE | Errno::ENFILE) => {
                ExecError::Limit { call, source }
            }
            _ => ExecError::Os { call, source },
        }
    }
}

fn errno(source: &io::Error) -> Option<Errno> {
    source.raw_os_error().map(Errno::from_raw)
}

impl fmt::Display for ExecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExecError::Exec { path, source } => {
                write!(f, "cannot execute {}: {source}{}", path.display(), hint(path, source))
            }
            ExecError::Limit { call, source } => {
                write!(f, "no room for one more program: {call}: {source}; ")?;
                f.write_str(match errno(source) {
                    Some(Errno::EMFILE) => "see `ulimit -n`, and which descriptors are open",
                    Some(Errno::ENFILE) => "see /proc/sys/fs/file-max",
                    Some(Errno::EAGAIN) => "see `ulimit -u` and the cgroup's pids.max",
                    _ => "see `free -m`, `ulimit -v` and the cgroup's memory.max",
                })
            }
            ExecError::Invalid { what, value } => write!(f, "{value:?} cannot be {what}"),
            ExecError::Os { call: "clone", source } if errno(source) == Some(Errno::ENOSYS) => {
                write!(f, "clone: {source}; pidfds need Linux 5.4 or later")
            }
            ExecError::Os { call, source } => write!(f, "{call}: {source}"),
        }
    }
}

/// What the bare errno does not say.
fn hint(path: &Path, source: &io::Error) -> &'static str {
    let is_name = !path.as_os_str().as_bytes().contains(&b'/');
    match errno(source) {
        Some(Errno::ENOENT) if path.starts_with("/proc") => "; is /proc mounted?",
        Some(Errno::ENOENT) if is_name => "; no folder of PATH has a program of this name",
        Some(Errno::EACCES) if is_name => {
            "; PATH leads to a file that is not executable, or to a folder that may not be searched"
        }
        Some(Errno::ENOENT) => "; if the file is there, the interpreter that it names is not",
        Some(Errno::EACCES) => "; is it an executable file, on a file system without noexec?",
        Some(Errno::ENOEXEC) => "; neither a program for this machine nor a script with #!",
        Some(Errno::E2BIG) => {
            "; an argument or variable has more than 128 KiB, or all together are too long"
        }
        Some(Errno::ETXTBSY) => "; somebody has it open for writing",
        _ => "",
    }
}

impl Error for ExecError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ExecError::Exec { source, .. }
            | ExecError::Limit { source, .. }
            | ExecError::Os { source, .. } => Some(source),
            ExecError::Invalid { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_names_the_thing_and_the_way_out() {
        let exec = |path: &str, errno: Errno| {
            ExecError::Exec { path: path.into(), source: errno.into() }.to_string()
        };
        assert_eq!(
            exec("/opt/run", Errno::ENOENT),
            "cannot execute /opt/run: No such file or directory (os error 2); if the file is there, the interpreter \
             that it names is not"
        );
        assert_eq!(
            exec("frobnicate", Errno::ENOENT),
            "cannot execute frobnicate: No such file or directory (os error 2); no folder of PATH has a program of \
             this name"
        );
        assert_eq!(
            exec("frobnicate", Errno::EACCES),
            "cannot execute frobnicate: Permission denied (os error 13); PATH leads to a file that is not executable, \
             or to a folder that may not be searched"
        );
        assert_eq!(
            exec("/proc/self/exe", Errno::ENOENT),
            "cannot execute /proc/self/exe: No such file or directory (os error 2); is /proc mounted?"
        );
        assert_eq!(
            exec("/opt", Errno::EACCES),
            "cannot execute /opt: Permission denied (os error 13); is it an executable file, on a file system \
             without noexec?"
        );
        assert_eq!(
            exec("/opt/run", Errno::E2BIG),
            "cannot execute /opt/run: Argument list too long (os error 7); an argument or variable has more than \
             128 KiB, or all together are too long"
        );
        assert_eq!(
            ExecError::new("pipe2", Errno::EMFILE).to_string(),
            "no room for one more program: pipe2: Too many open files (os error 24); see `ulimit -n`, and which \
             descriptors are open"
        );
        assert_eq!(
            ExecError::new("clone", Errno::EAGAIN).to_string(),
            "no room for one more program: clone: Resource temporarily unavailable (os error 11); see `ulimit -u` \
             and the cgroup's pids.max"
        );
        assert_eq!(
            ExecError::new("clone", Errno::ENOSYS).to_string(),
            "clone: Function not implemented (os error 38); pidfds need Linux 5.4 or later"
        );
        assert_eq!(
            ExecError::new("close_range", Errno::ENOSYS).to_string(),
            "close_range: Function not implemented (os error 38)"
        );
    }

    #[test]
    fn the_errno_stays_as_the_source() {
        let error = ExecError::new("pipe2", Errno::EMFILE);
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.and_then(io::Error::raw_os_error), Some(libc::EMFILE));
        let error = ExecError::Invalid { what: "an argument", value: "a\0".into() };
        assert!(error.source().is_none());
    }
}
