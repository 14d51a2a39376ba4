//! What a pool must offer to be tested, and the program that does with it what a script says.
//!
//! The conformance suite judges a pool from outside, as a process that it has started. So one suite can judge pools of
//! any make and language: whoever reads the script and prints the outcomes can take part. For a pool in Rust,
//! [`program`] does both, and the pool implements [`TestedPool`].
//!
//! # References
//! The protocol is in `script.rs`, the tasks in `task.rs`.
#![forbid(unsafe_code)]

use std::io;
use std::time::Duration;

mod script;
mod task;

pub use script::program;
pub use task::work;

/// What a worker does with a task. It may panic, kill its process, and never return.
pub type Work = fn(&[u8]) -> Result<Vec<u8>, String>;

/// What the work has returned, or why there is no result.
pub type Outcome = Result<Vec<u8>, TaskError>;

/// Why a task has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskError {
    /// The work has returned this error.
    Failed(String),
    /// The work has panicked, with this message.
    Panicked(String),
    /// The process that was at the task has ended.
    WorkerDied,
    /// The task took longer than its limit, and its worker was killed.
    TimedOut,
    /// The task was cancelled before it began.
    Cancelled,
    /// This pool has no such verb. It costs the points for it.
    Unsupported,
}

/// A pool of processes, as the conformance suite uses it: from one thread.
pub trait TestedPool: Sized {
    /// What names a task until its outcome was taken.
    type Ticket;

    /// Makes a pool of so many worker processes, which do `work`.
    ///
    /// # Errors
    /// If the pool cannot be made.
    fn start(workers: usize, work: Work) -> io::Result<Self>;

    /// Accepts a task, with a limit for the time that its work takes. It never waits for a result. If a worker is idle,
    /// the task begins now, and not at the next call of [`TestedPool::wait`].
    ///
    /// # Errors
    /// If the task cannot be accepted.
    fn submit(&mut self, task: Vec<u8>, limit: Option<Duration>) -> io::Result<Self::Ticket>;

    /// Takes a task back. True only if it has not begun and never will: then its outcome is [`TaskError::Cancelled`].
    fn cancel(&mut self, ticket: &Self::Ticket) -> bool;

    /// Waits for the outcome of a task. The outcomes may be asked for in any order, each once.
    fn wait(&mut self, ticket: Self::Ticket) -> Outcome;

    /// Does all tasks that were accepted, ends the workers and waits for them.
    ///
    /// # Errors
    /// If the pool could not be ended in good order.
    fn shutdown(self) -> io::Result<()>;
}
