//! What a task and a pool can fail with.
//!
//! Each variant is something else that the caller can do; each prints one line that says what happened and what to do.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::time::Duration;
use wait::ExitStatus;

/// Why a task has no result.
///
/// ```
/// use executor::{TaskError, ThreadPool};
///
/// let pool = ThreadPool::new(1);
/// match pool.call(|n: u32| 1 / n, 0) {
///     Ok(quotient) => println!("{quotient}"),
///     Err(TaskError::Panicked { message, .. }) => assert!(message.contains("zero")),
///     Err(TaskError::WorkerDied { status, evidence, .. }) => println!("{status}: {evidence:?}"),
///     Err(other) => println!("{other}"),
/// }
/// ```
#[doc(alias = "BrokenProcessPool")]
#[doc(alias = "RemoteTraceback")]
#[derive(Debug)]
#[non_exhaustive]
pub enum TaskError {
    /// The task's function panicked. Its worker lives on.
    Panicked {
        /// What the panic said.
        message: String,
        /// `file:line:column` of the panic, if it was recorded.
        location: Option<String>,
        /// The worker's stack at the panic, whatever `RUST_BACKTRACE` says.
        backtrace: String,
    },
    /// The worker that was running the task ended: by a signal, by `exit`, or because it broke the protocol.
    #[doc(alias = "BrokenProcessPool")]
    WorkerDied {
        /// Its process id. The number may belong to somebody else by now.
        pid: u32,
        /// How it ended.
        status: ExitStatus,
        /// What is known beside the status.
        evidence: Evidence,
    },
    /// The task ran longer than it was allowed to, and its worker was killed.
    TimedOut {
        /// How long it really ran.
        after: Duration,
        /// Where the worker was, if it could be had.
        backtrace: Option<String>,
    },
    /// The task was cancelled before it started; it never ran.
    #[doc(alias = "cancelled")]
    #[doc(alias = "CancelledError")]
    Cancelled,
    /// The task was aborted, running or not.
    Aborted,
    /// The argument, or in the worker the result, could not be encoded.
    Encode {
        /// The type that could not be encoded.
        type_name: &'static str,
        /// What its `Serialize` said.
        message: String,
    },
    /// The result, or in the worker the argument, could not be decoded.
    Decode {
        /// The type that could not be decoded.
        type_name: &'static str,
        /// What its `Deserialize` said.
        message: String,
    },
    /// The pool was shut down before it accepted the task.
    PoolClosed,
    /// The pool gave up, as its restart limit demands.
    #[doc(alias = "BrokenExecutor")]
    PoolBroken {
        /// What broke it.
        cause: String,
    },
    /// What only this backend can fail with, such as the loss of a machine: `source` is an error of its own, to be had by
    /// `downcast_ref`.
    Backend {
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Display for TaskError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            TaskError::Panicked { message, location: Some(location), .. } => {
                write!(f, "the task panicked at {location}: {message}")
            }
            TaskError::Panicked { message, location: None, .. } => {
                write!(f, "the task panicked: {message}")
            }
            TaskError::WorkerDied { pid, status, evidence } => {
                write!(f, "worker {pid} ended while it ran the task: {status}")?;
                if let Some(note) = &evidence.note {
                    write!(f, " ({note})")?;
                }
                write!(
                    f,
                    "; the pool has replaced it, and `retries` would run such a task again"
                )
            }
            TaskError::TimedOut { after, .. } => {
                write!(
                    f,
                    "the task was killed after {:.3} s, above its timeout",
                    after.as_secs_f64()
                )
            }
            TaskError::Cancelled => f.write_str("the task was cancelled before it started"),
            TaskError::Aborted => f.write_str("the task was aborted"),
            TaskError::Encode { type_name, message } => {
                write!(f, "a value of type {type_name} cannot be encoded: {message}")
            }
            TaskError::Decode { type_name, message } => {
                write!(f, "a value of type {type_name} cannot be decoded: {message}")
            }
            TaskError::PoolClosed => {
                f.write_str("the pool is shut down and accepts no task; build another one")
            }
            TaskError::PoolBroken { cause } => write!(f, "the pool gave up: {cause}"),
            TaskError::Backend { source } => write!(f, "{source}"),
        }
    }
}

impl std::error::Error for TaskError {
    /// What caused a [`TaskError::Backend`], whose own line is that of its `source`.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TaskError::Backend { source } => source.source(),
            _ => None,
        }
    }
}

/// What is known about a worker's end beside its status.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Evidence {
    /// The most memory that it had resident, in bytes.
    pub max_rss_bytes: Option<u64>,
    /// The last lines that it wrote to standard error, of this task or of earlier ones: at most 4 KiB, without the last
    /// line's end. `None` if it wrote nothing.
    pub stderr_tail: Option<String>,
    /// One more fact, in words.
    pub note: Option<String>,
}

impl Evidence {
    /// Evidence that is one fact, in words.
    pub fn note(note: impl Into<String>) -> Evidence {
        Evidence { note: Some(note.into()), ..Evidence::default() }
    }
}

/// Why there is no pool, or why it could not do what was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum PoolError {
    /// `procpool::init()` was not the first line of `main`, so no process of this program can become a worker.
    NotInitialized,
    /// `StartMethod::Fork` needs a program with one thread.
    ForkWithThreads {
        /// How many threads the program has.
        count: usize,
    },
    /// The system has no room for what the pool needs.
    Limit {
        /// What is short, by the name the system gives it.
        resource: String,
        /// The limit that can be raised, if it is known.
        soft: Option<u64>,
        /// How far it can be raised.
        hard: Option<u64>,
        /// How many the pool needs.
        needed: Option<u64>,
    },
    /// The initializer panicked or ended its worker.
    InitializerFailed {
        /// What it said, or how its worker ended.
        message: String,
    },
    /// A process that should be a worker is not one of this program.
    Handshake {
        /// What it said instead.
        message: String,
    },
    /// A worker was not ready in time.
    StartTimeout {
        /// How long it was waited for.
        after: Duration,
    },
    /// An option that makes no sense.
    Invalid {
        /// The builder's method.
        option: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// A system call failed.
    Os {
        /// Its name.
        call: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl Display for PoolError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            PoolError::NotInitialized => f.write_str(
                "`procpool::init()` has not run: make it the first line of `main`, or use `procpool::init_at_load!()` where `main` is not yours",
            ),
            PoolError::ForkWithThreads { count } => write!(
                f,
                "the program has {count} threads, and a fork would copy only one of them: build the pool before the first thread, or use StartMethod::Forkserver"
            ),
            PoolError::Limit { resource, soft, hard, needed } => {
                write!(f, "the system has no room for more of: {resource}")?;
                if let Some(needed) = needed {
                    write!(f, "; needed {needed}")?;
                }
                if let Some(soft) = soft {
                    write!(f, "; the limit is {soft}")?;
                }
                if let Some(hard) = hard {
                    write!(f, " and can be raised to {hard}")?;
                }
                f.write_str("; raise the limit or ask for fewer workers")
            }
            PoolError::InitializerFailed { message } => write!(f, "the initializer failed: {message}"),
            PoolError::Handshake { message } => write!(f, "a process that should be a worker is none: {message}"),
            PoolError::StartTimeout { after } => write!(
                f,
                "a worker was not ready after {:.1} s: raise `start_timeout`, or look at what the initializer waits for",
                after.as_secs_f64()
            ),
            PoolError::Invalid { option, message } => write!(f, "`{option}`: {message}"),
            PoolError::Os { call, source } => write!(f, "{call}: {source}"),
        }
    }
}

impl std::error::Error for PoolError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PoolError::Os { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// A task that `try_submit` did not take, with its argument.
#[derive(Debug)]
pub enum SubmitError<A> {
    /// As many tasks wait as `queue_limit` allows.
    Full(A),
    /// The pool is shut down or broken.
    Closed(A),
}

impl<A> Display for SubmitError<A> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SubmitError::Full(_) => "as many tasks wait as the queue limit allows: wait for one, or raise `queue_limit`",
            SubmitError::Closed(_) => "the pool is shut down or broken and accepts no task; build another one",
        })
    }
}

impl<A: fmt::Debug> std::error::Error for SubmitError<A> {}
