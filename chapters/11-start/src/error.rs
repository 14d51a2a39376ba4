//! Why a worker was not started, sorted by what the caller can do.

use exec::ExecError;
use fork::ForkError;
use nix::errno::Errno;
use shared::SharedError;
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;
use wait::{ChildError, ExitStatus};

/// Why a [`Launcher`](crate::Launcher) could not be made, or started no worker. No process is left of the attempt.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The program has not called [`init`](crate::init), so a new process of it would run `main` again.
    NotInitialized,
    /// A process that was to be forked from has more than one thread.
    Threads {
        /// How many it has.
        count: usize,
    },
    /// The template or the forkserver has ended, so it starts nobody any more. Workers that it started are children of
    /// the program and run on.
    TemplateDied {
        /// How it ended; `None` if somebody else has reaped it.
        status: Option<ExitStatus>,
    },
    /// The template or the forkserver did not answer in time, stopped by SIGSTOP for example, and was killed. Workers that
    /// it started run on.
    Timeout {
        /// How long it was waited for.
        after: Duration,
    },
    /// A limit of the operating system leaves no room for one more process, descriptor or page.
    Limit {
        /// The system call that said so.
        call: &'static str,
        /// EAGAIN, ENOMEM, EMFILE, ENFILE, ENOSPC or ETOOMANYREFS.
        source: io::Error,
    },
    /// No worker can be given this.
    Invalid {
        /// What it was to be, and which limit it breaks.
        what: String,
    },
    /// Anything else.
    Os {
        /// What was tried.
        call: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

impl StartError {
    pub(crate) fn os(call: &'static str, source: io::Error) -> Self {
        match source.raw_os_error().map(Errno::from_raw) {
            Some(
                Errno::EAGAIN
                | Errno::ENOMEM
                | Errno::EMFILE
                | Errno::ENFILE
                | Errno::ENOSPC
                | Errno::ETOOMANYREFS,
            ) => StartError::Limit { call, source },
            _ => StartError::Os { call, source },
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::NotInitialized => f.write_str(
                "this program never called `init`, and a worker that is this program executed anew would run `main` a \
                 second time: call it first in `main`, or use the start method fork",
            ),
            StartError::Threads { count } => write!(
                f,
                "refused to fork a process with {count} threads, whose workers would have one of them and the locks \
                 of all: make the launcher before threads start, or use the start method spawn"
            ),
            StartError::TemplateDied { status: Some(status) } => write!(
                f,
                "the process that workers are forked from has ended ({status}): make a new launcher"
            ),
            StartError::TemplateDied { status: None } => f.write_str(
                "the process that workers are forked from has ended, and somebody else has reaped it: make a new \
                 launcher, and look for a waitpid(-1) or an ignored SIGCHLD",
            ),
            StartError::Timeout { after } => write!(
                f,
                "the process that workers are forked from did not answer for {:.1} s and was killed: make a new \
                 launcher, and look for what has stopped it",
                after.as_secs_f64()
            ),
            StartError::Limit { call, source } => {
                write!(f, "no room for one more worker: {call}: {source}; see ")?;
                f.write_str(match source.raw_os_error().map(Errno::from_raw) {
                    Some(Errno::EMFILE | Errno::ETOOMANYREFS) => "`ulimit -n`",
                    Some(Errno::ENFILE) => "/proc/sys/fs/file-max",
                    Some(Errno::EAGAIN) => "`ulimit -u` and the cgroup's pids.max",
                    _ => "`free -m` and the cgroup's memory.max",
                })
            }
            StartError::Invalid { what } => write!(f, "no worker can be given {what}"),
            StartError::Os { call, source } => write!(f, "{call}: {source}"),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            StartError::Limit { source, .. } | StartError::Os { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<ForkError> for StartError {
    fn from(error: ForkError) -> Self {
        match error {
            ForkError::Threads { count } => StartError::Threads { count },
            ForkError::Limit { source } => StartError::Limit { call: "fork", source },
            ForkError::Os { call, source } => StartError::Os { call, source },
            error => StartError::Os { call: "fork", source: io::Error::other(error) },
        }
    }
}

impl From<ChildError> for StartError {
    fn from(error: ChildError) -> Self {
        match error {
            ChildError::Fork(error) => error.into(),
            ChildError::Os { call, source, .. } => StartError::os(call, source),
            error => StartError::Os { call: "waitid", source: io::Error::other(error) },
        }
    }
}

impl From<ExecError> for StartError {
    fn from(error: ExecError) -> Self {
        match error {
            ExecError::Limit { call, source } => StartError::Limit { call, source },
            error => StartError::Os {
                call: "cannot execute this program again",
                source: io::Error::other(error),
            },
        }
    }
}

impl From<SharedError> for StartError {
    fn from(error: SharedError) -> Self {
        let errno = error
            .source()
            .and_then(|source| source.downcast_ref::<io::Error>())
            .and_then(io::Error::raw_os_error);
        match errno {
            Some(errno) => StartError::os("memfd_create", io::Error::from_raw_os_error(errno)),
            None => StartError::Os { call: "memfd_create", source: io::Error::other(error) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_names_the_thing_and_the_way_out() {
        let errors = [
            StartError::NotInitialized,
            StartError::Threads { count: 3 },
            StartError::TemplateDied {
                status: Some(ExitStatus::Signaled { signal: 9, core_dumped: false }),
            },
            StartError::TemplateDied { status: None },
            StartError::Timeout { after: Duration::from_millis(1500) },
            StartError::os("clone", Errno::EAGAIN.into()),
            StartError::os("sendmsg", Errno::ETOOMANYREFS.into()),
            StartError::os("clone", Errno::ENOMEM.into()),
            StartError::os("prctl", Errno::EPERM.into()),
            StartError::Invalid { what: "a note of 5000 bytes: at most 4096".to_owned() },
        ];
        let text: Vec<String> = errors.iter().map(StartError::to_string).collect();
        insta::assert_snapshot!(
            text.join("\n"),
            @r"
        this program never called `init`, and a worker that is this program executed anew would run `main` a second time: call it first in `main`, or use the start method fork
        refused to fork a process with 3 threads, whose workers would have one of them and the locks of all: make the launcher before threads start, or use the start method spawn
        the process that workers are forked from has ended (signal 9 (SIGKILL)): make a new launcher
        the process that workers are forked from has ended, and somebody else has reaped it: make a new launcher, and look for a waitpid(-1) or an ignored SIGCHLD
        the process that workers are forked from did not answer for 1.5 s and was killed: make a new launcher, and look for what has stopped it
        no room for one more worker: clone: Resource temporarily unavailable (os error 11); see `ulimit -u` and the cgroup's pids.max
        no room for one more worker: sendmsg: Too many references: cannot splice (os error 109); see `ulimit -n`
        no room for one more worker: clone: Cannot allocate memory (os error 12); see `free -m` and the cgroup's memory.max
        prctl: Operation not permitted (os error 1)
        no worker can be given a note of 5000 bytes: at most 4096
        "
        );
    }

    #[test]
    fn the_errno_stays_as_the_source() {
        let error = StartError::from(ForkError::Limit { source: Errno::EAGAIN.into() });
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.and_then(io::Error::raw_os_error), Some(libc::EAGAIN));
    }
}
