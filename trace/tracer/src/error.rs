//! Why nothing could be recorded.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a program was not watched. None of its processes is left.
#[derive(Debug)]
#[non_exhaustive]
pub enum TraceError {
    /// The kernel does not let this process watch another one.
    Refused {
        /// Who forbids it, as far as this process can tell, and the way out.
        because: String,
        /// The errno of `ptrace`.
        source: io::Error,
    },
    /// The program could not be executed.
    Program {
        /// Its file.
        path: PathBuf,
        /// The errno of `execve`.
        source: io::Error,
    },
    /// A call to the kernel failed: a limit is reached, or memory is short.
    Os {
        /// The call.
        call: &'static str,
        /// Its errno.
        source: io::Error,
    },
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TraceError::Refused { because, source } => {
                write!(
                    f,
                    "the kernel does not let this process watch another one: {source}; {because}"
                )
            }
            TraceError::Program { path, source } => {
                write!(
                    f,
                    "cannot execute {}: {source}; check that the file exists and may be executed",
                    path.display()
                )
            }
            TraceError::Os { call, source } => {
                write!(
                    f,
                    "{call} failed: {source}; check the limits on processes and descriptors with `ulimit -a`"
                )
            }
        }
    }
}

impl Error for TraceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            TraceError::Refused { source, .. }
            | TraceError::Program { source, .. }
            | TraceError::Os { source, .. } => Some(source),
        }
    }
}

impl TraceError {
    /// Finds out who refused.
    pub(crate) fn refused(source: io::Error) -> TraceError {
        let because = if is_traced() {
            "this process is itself being traced, and nobody can be watched by two: run it without strace or a debugger"
        } else if yama() == Some(3) {
            "kernel.yama.ptrace_scope is 3, which forbids it until the next boot: set it to 1 in /etc/sysctl.d and restart"
        } else {
            "a container's seccomp profile or a security module forbids `ptrace`: \
             start the container with `--cap-add SYS_PTRACE`, or run outside of it"
        };
        TraceError::Refused { because: because.to_owned(), source }
    }
}

fn is_traced() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .any(|line| line.strip_prefix("TracerPid:").is_some_and(|pid| pid.trim() != "0"))
}

fn yama() -> Option<u32> {
    std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_thing_and_the_way_out() {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let program = TraceError::Program { path: "/no/such".into(), source: missing() };
        assert!(program.to_string().starts_with("cannot execute /no/such: "), "{program}");
        let refused =
            TraceError::Refused { because: "set it to 1".to_owned(), source: missing() };
        assert!(refused.to_string().ends_with("; set it to 1"), "{refused}");
        assert!(program.source().is_some() && refused.source().is_some());
    }
}
