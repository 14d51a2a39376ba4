//! Why a fork was refused, sorted by what the caller can do.

use nix::errno::Errno;
use std::error::Error;
use std::fmt;
use std::io;

/// Why [`fork`](crate::fork) made no process.
#[derive(Debug)]
#[non_exhaustive]
pub enum ForkError {
    /// The program has more than one thread, so the child could not rely on any lock.
    Threads {
        /// How many threads there are, the caller included.
        count: usize,
    },
    /// The kernel refuses one more process: a limit of the user, of the cgroup or of the machine (EAGAIN), or memory
    /// (ENOMEM).
    Limit {
        /// EAGAIN or ENOMEM.
        source: io::Error,
    },
    /// Anything else, such as a `/proc` that cannot be read.
    Os {
        /// What was tried.
        call: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

impl ForkError {
    pub(crate) fn from_errno(errno: Errno) -> Self {
        match errno {
            Errno::EAGAIN | Errno::ENOMEM => ForkError::Limit { source: errno.into() },
            _ => ForkError::Os { call: "fork", source: errno.into() },
        }
    }

    pub(crate) fn threads_unknown(source: io::Error) -> Self {
        ForkError::Os {
            call: "cannot count this program's threads in /proc/self/task (is /proc mounted?)",
            source,
        }
    }

    pub(crate) fn unflushed(source: io::Error) -> Self {
        ForkError::Os {
            call: "standard output does not take what was printed so far, and a fork would print it twice",
            source,
        }
    }
}

impl fmt::Display for ForkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForkError::Threads { count } => write!(
                f,
                "refused to fork a program with {count} threads: the child would have one of them and the locks of \
                 all; fork before you start threads, or start a program with exec"
            ),
            ForkError::Limit { source } if source.kind() == io::ErrorKind::OutOfMemory => {
                write!(
                    f,
                    "no memory for one more process ({source}): see `free -m`, the cgroup's memory.max and \
                     /proc/sys/vm/overcommit_memory"
                )
            }
            ForkError::Limit { source } => write!(
                f,
                "no room for one more process ({source}): see `ulimit -u`, the cgroup's pids.max, \
                 /proc/sys/kernel/pid_max and /proc/sys/kernel/threads-max"
            ),
            ForkError::Os { call, source } => write!(f, "{call}: {source}"),
        }
    }
}

impl Error for ForkError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ForkError::Threads { .. } => None,
            ForkError::Limit { source } | ForkError::Os { source, .. } => Some(source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is printed, and the errno of the source.
    fn seen(error: ForkError) -> (String, Option<i32>) {
        let errno = error
            .source()
            .and_then(|source| source.downcast_ref::<io::Error>())
            .and_then(io::Error::raw_os_error);
        (error.to_string(), errno)
    }

    #[test]
    fn every_message_names_the_thing_and_the_way_out() {
        assert_eq!(
            seen(ForkError::Threads { count: 3 }),
            (
                "refused to fork a program with 3 threads: the child would have one of them and the locks of all; \
                 fork before you start threads, or start a program with exec"
                    .to_owned(),
                None
            )
        );
        assert_eq!(
            seen(ForkError::from_errno(Errno::EAGAIN)),
            (
                "no room for one more process (Resource temporarily unavailable (os error 11)): see `ulimit -u`, \
                 the cgroup's pids.max, /proc/sys/kernel/pid_max and /proc/sys/kernel/threads-max"
                    .to_owned(),
                Some(Errno::EAGAIN as i32)
            )
        );
        assert_eq!(
            seen(ForkError::from_errno(Errno::ENOMEM)),
            (
                "no memory for one more process (Cannot allocate memory (os error 12)): see `free -m`, the cgroup's \
                 memory.max and /proc/sys/vm/overcommit_memory"
                    .to_owned(),
                Some(Errno::ENOMEM as i32)
            )
        );
        assert_eq!(
            seen(ForkError::from_errno(Errno::ENOSYS)),
            ("fork: Function not implemented (os error 38)".to_owned(), Some(38))
        );
        assert_eq!(
            seen(ForkError::threads_unknown(Errno::ENOENT.into())),
            (
                "cannot count this program's threads in /proc/self/task (is /proc mounted?): No such file or \
                 directory (os error 2)"
                    .to_owned(),
                Some(Errno::ENOENT as i32)
            )
        );
        assert_eq!(
            seen(ForkError::unflushed(Errno::ENOSPC.into())),
            (
                "standard output does not take what was printed so far, and a fork would print it twice: No space \
                 left on device (os error 28)"
                    .to_owned(),
                Some(Errno::ENOSPC as i32)
            )
        );
    }
}
