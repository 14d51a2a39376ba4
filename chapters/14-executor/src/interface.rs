//! The one interface, and how whatever is behind it ends.

use crate::error::{PoolError, TaskError};
use crate::handle::JoinHandle;
use crate::stats::Stats;
use std::time::Duration;
use task::Message;

// ANCHOR: executor
/// Runs functions, somewhere: in threads of this program, in processes, on other machines.
///
/// ```
/// use executor::{Executor, TaskError};
///
/// fn square(n: u64) -> u64 {
///     n * n
/// }
///
/// fn sum_of_squares(executor: &impl Executor, numbers: Vec<u64>) -> Result<u64, TaskError> {
///     executor.map(square, numbers).sum()
/// }
/// # let threads = executor::ThreadPool::new(2);
/// # assert_eq!(sum_of_squares(&threads, vec![1, 2, 3]).unwrap(), 14);
/// ```
#[doc(alias = "concurrent.futures.Executor")]
pub trait Executor {
    /// Hands a task over. It never fails by itself: a task that is refused says so at `join`.
    fn submit<A: Message, R: Message>(&self, f: fn(A) -> R, a: A) -> JoinHandle<R>;

    /// Submits a task and waits for it.
    ///
    /// # Errors
    /// Why there is no result.
    fn call<A: Message, R: Message>(&self, f: fn(A) -> R, a: A) -> Result<R, TaskError> {
        self.submit(f, a).join()
    }

    /// Runs `f` on every input, taken lazily; the results come in the order of the inputs.
    fn map<A: Message, R: Message, I: IntoIterator<Item = A>>(
        &self,
        f: fn(A) -> R,
        inputs: I,
    ) -> impl Iterator<Item = Result<R, TaskError>>;

    /// Runs `f` on every input; the results come as they finish, each with the index of its input.
    fn map_unordered<A: Message, R: Message, I: IntoIterator<Item = A>>(
        &self,
        f: fn(A) -> R,
        inputs: I,
    ) -> impl Iterator<Item = (usize, Result<R, TaskError>)>;

    /// Ends it. Past `deadline` it goes on in the next harder way, with the same deadline again.
    ///
    /// # Errors
    /// As the backend's own `shutdown`.
    fn shutdown(&self, how: Shutdown, deadline: Option<Duration>)
    -> Result<Summary, PoolError>;
}
// ANCHOR_END: executor

/// How a pool is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Run what was accepted.
    #[doc(alias = "close")]
    Finish,
    /// Drop what has not started.
    #[doc(alias = "cancel_futures")]
    Cancel,
    /// Kill the workers now: running tasks end [`TaskError::Aborted`], waiting ones [`TaskError::Cancelled`].
    #[doc(alias = "terminate")]
    Kill,
}

impl Shutdown {
    /// The next harder way, if there is one.
    pub fn harder(self) -> Option<Shutdown> {
        match self {
            Shutdown::Finish => Some(Shutdown::Cancel),
            Shutdown::Cancel => Some(Shutdown::Kill),
            Shutdown::Kill => None,
        }
    }
}

/// What a pool did from the call of `shutdown` to its end.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Everything since the pool was built.
    pub stats: Stats,
    /// Tasks that ran to their end, in whatever way, after the call.
    pub finished: u64,
    /// Tasks that had not started and never will.
    pub cancelled: u64,
    /// Tasks that were running when their worker was killed.
    pub killed: u64,
    /// The harder way that was taken when the deadline had passed.
    pub escalated_to: Option<Shutdown>,
}
