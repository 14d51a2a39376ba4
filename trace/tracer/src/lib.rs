//! Runs a program under `ptrace` and records its [`Timeline`]: the births and ends of its processes and threads, what each
//! waited for, and who let it go on.
//!
//! ```no_run
//! # #[cfg(target_os = "linux")] {
//! let timeline = tracer::record("/bin/true".as_ref(), &[], tracer::Options::default())?;
//! assert_eq!(timeline.lanes[0].end.as_ref().and_then(|end| end.code), Some(0));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The program behaves as ever, but slower: each of its system calls stops twice. Its exit code, its signals and its
//! parents stay what they were. Only a set-user-ID program has no rights of its own while it is watched. Time in which it
//! computes is not slowed. A call of `read` or `write` takes about 25 µs more on 2 busy cores of an Intel Xeon under a
//! hypervisor, in a release build: `time tracer -- dd if=/dev/zero of=/dev/null bs=1 count=100000` makes two for each byte.
//! A seccomp filter could stop at the calls of interest only, but it forbids the program to gain rights and shows in its
//! status.
//!
//! Invariant: whoever is watched is killed if the watching thread ends, so nothing is left behind. A cause is named only if
//! nobody else can have been it; when in doubt there is none.
//!
//! The source is man 2 ptrace.

#[cfg(target_os = "linux")]
mod at_call;
#[cfg(target_os = "linux")]
mod begin;
#[cfg(target_os = "linux")]
mod call;
#[cfg(target_os = "linux")]
mod cause;
#[cfg(target_os = "linux")]
mod descriptor;
mod error;
#[cfg(target_os = "linux")]
mod record;
#[cfg(target_os = "linux")]
mod sys;
#[cfg(target_os = "linux")]
mod task;

pub use error::TraceError;
pub use timeline::Timeline;

use std::time::Duration;

/// Where the program's standard descriptors go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Output {
    /// Where those of the caller go.
    #[default]
    Inherit,
    /// All three to `/dev/null`.
    Null,
}

/// How much is recorded.
#[derive(Debug, Clone)]
pub struct Options {
    /// A wait that is shorter is left out; a call that only takes long counts from ten times that.
    pub threshold: Duration,
    /// The program is killed when it has run so long.
    pub deadline: Duration,
    /// After so many waits and deeds, only births, execs and ends are recorded. 100 bytes of memory each.
    pub events_max: usize,
    /// Where the program's standard descriptors go.
    pub output: Output,
}

impl Default for Options {
    /// 100 µs, 60 s, a million, and inherited output.
    fn default() -> Options {
        Options {
            threshold: Duration::from_micros(100),
            deadline: Duration::from_secs(60),
            events_max: 1_000_000,
            output: Output::Inherit,
        }
    }
}

/// Runs `program` with `arguments`, and returns when it and all of its descendants have ended.
///
/// A `program` without a slash is looked for in `PATH`. A program that fails, or that a signal kills, is a record as any
/// other; `lanes[0].end` says how it ended. Ctrl-C on the terminal reaches the program; if the caller has a handler for it,
/// the record goes on until the program has ended, for 5 s at most.
///
/// The calling process may have threads and children: a thread of its own does the watching.
///
/// # Errors
/// In each case no process is left.
/// - [`TraceError::Refused`] if this process may not watch others: a container, a security module, a debugger;
/// - [`TraceError::Program`] if `program` cannot be executed;
/// - [`TraceError::Os`] if a limit leaves no room for a process, a thread or a descriptor.
///
/// # Panics
/// If the watching thread panics, which is a defect; the program is killed then.
///
/// # References
/// man 2 ptrace; man 2 wait.
#[cfg(target_os = "linux")]
pub fn record(
    program: &std::path::Path,
    arguments: &[std::ffi::OsString],
    options: Options,
) -> Result<Timeline, TraceError> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("tracer".to_owned())
            .spawn_scoped(scope, || record::record(program, arguments, options))
            .map_err(|source| TraceError::Os { call: "clone", source })?
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
