//! How a map feeds threads: one input after the other, some for each worker ahead.

use super::ThreadPool;
use crate::handle::JoinHandle;
use crate::map::{Feed, LazyMap, LazyMapUnordered};
use crate::pending::Waiter;
use ::task::Message;

/// Tasks under way for each worker: enough that none waits for the caller to come around.
const AHEAD_PER_WORKER: usize = 64;
/// The most tasks under way.
const AHEAD_MAX: usize = 16_384;

/// Results in the order of the inputs; see [`ThreadPool::map`].
pub type ThreadMap<'p, I, A, R> = LazyMap<ThreadFeed<'p, A, R>, I>;

/// Results as they finish, each with the index of its input; see [`ThreadPool::map_unordered`].
pub type ThreadMapUnordered<'p, I, A, R> = LazyMapUnordered<ThreadFeed<'p, A, R>, I>;

/// Hands the inputs of a map to the threads of a pool.
pub struct ThreadFeed<'p, A, R> {
    pool: &'p ThreadPool,
    f: fn(A) -> R,
    ahead_max: usize,
}

impl<'p, A, R> ThreadFeed<'p, A, R> {
    pub(super) fn new(pool: &'p ThreadPool, f: fn(A) -> R) -> Self {
        let workers = pool.shared.lock().workers.len();
        let ahead_max = workers.saturating_mul(AHEAD_PER_WORKER).min(AHEAD_MAX);
        ThreadFeed { pool, f, ahead_max }
    }
}

impl<A: Message, R: Message> Feed for ThreadFeed<'_, A, R> {
    type Input = A;
    type Output = R;

    /// One at a time: a thread can begin with the first while the second is being made.
    fn room(&mut self, ahead: usize) -> usize {
        usize::from(ahead < self.ahead_max)
    }

    fn submit(&mut self, inputs: Vec<A>) -> Vec<JoinHandle<R>> {
        inputs.into_iter().map(|input| self.pool.submit(self.f, input)).collect()
    }

    fn waiter(&self) -> Option<&dyn Waiter> {
        Some(&*self.pool.shared)
    }
}
