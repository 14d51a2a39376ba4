//! `map` and `map_unordered` over threads: inputs are taken lazily, results in order or as they come.

use super::ThreadPool;
use crate::error::TaskError;
use crate::handle::JoinHandle;
use crate::wait_many::Arrivals;
use ::task::Message;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::iter::FusedIterator;

/// Tasks under way for each worker: enough that none waits for the caller to come around.
const AHEAD_PER_WORKER: usize = 64;
/// The most tasks under way.
const AHEAD_MAX: usize = 16_384;

/// What both iterators take their inputs from.
struct Source<'p, I, A, R> {
    pool: &'p ThreadPool,
    f: fn(A) -> R,
    /// `None` once it has ended, or has panicked.
    inputs: Option<I>,
    ahead_max: usize,
}

impl<'p, I: Iterator<Item = A>, A: Message, R: Message> Source<'p, I, A, R> {
    fn new(pool: &'p ThreadPool, f: fn(A) -> R, inputs: I) -> Self {
        let workers = pool.shared.lock().workers.len();
        let ahead_max = workers.saturating_mul(AHEAD_PER_WORKER).min(AHEAD_MAX);
        Source { pool, f, inputs: Some(inputs), ahead_max }
    }

    /// Submits the next input, if so few are under way.
    fn next(&mut self, ahead: usize) -> Option<JoinHandle<R>> {
        if ahead >= self.ahead_max {
            return None;
        }
        // Out of its place while it runs: if it panics, it is not asked again.
        let mut inputs = self.inputs.take()?;
        let input = inputs.next()?;
        self.inputs = Some(inputs);
        Some(self.pool.submit(self.f, input))
    }

    fn size_hint(&self, ahead: usize) -> (usize, Option<usize>) {
        let (low, high) = self.inputs.as_ref().map_or((0, Some(0)), I::size_hint);
        (low.saturating_add(ahead), high.and_then(|high| high.checked_add(ahead)))
    }
}

/// Results in the order of the inputs; see [`ThreadPool::map`].
#[must_use = "what is not taken out may never be run"]
pub struct ThreadMap<'p, I, A, R> {
    source: Source<'p, I, A, R>,
    under_way: VecDeque<JoinHandle<R>>,
}

impl<'p, I: Iterator<Item = A>, A: Message, R: Message> ThreadMap<'p, I, A, R> {
    pub(super) fn new(pool: &'p ThreadPool, f: fn(A) -> R, inputs: I) -> Self {
        let source = Source::new(pool, f, inputs);
        let mut map = ThreadMap { source, under_way: VecDeque::new() };
        map.feed();
        map
    }

    fn feed(&mut self) {
        while let Some(handle) = self.source.next(self.under_way.len()) {
            self.under_way.push_back(handle);
        }
    }
}

impl<I: Iterator<Item = A>, A: Message, R: Message> Iterator for ThreadMap<'_, I, A, R> {
    type Item = Result<R, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.feed();
        Some(self.under_way.pop_front()?.join())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.source.size_hint(self.under_way.len())
    }
}

impl<I: ExactSizeIterator<Item = A>, A: Message, R: Message> ExactSizeIterator
    for ThreadMap<'_, I, A, R>
{
}
impl<I: Iterator<Item = A>, A: Message, R: Message> FusedIterator for ThreadMap<'_, I, A, R> {}

impl<I, A, R> Drop for ThreadMap<'_, I, A, R> {
    fn drop(&mut self) {
        // From the last to the first, so that none begins while its neighbours go.
        for handle in self.under_way.iter().rev() {
            handle.cancel();
        }
    }
}

impl<I, A, R> fmt::Debug for ThreadMap<'_, I, A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadMap").field("under_way", &self.under_way.len()).finish()
    }
}

/// Results as they finish, each with the index of its input; see [`ThreadPool::map_unordered`].
#[must_use = "what is not taken out may never be run"]
pub struct ThreadMapUnordered<'p, I, A, R> {
    source: Source<'p, I, A, R>,
    next_index: usize,
    under_way: BTreeMap<usize, JoinHandle<R>>,
    arrivals: Arrivals,
}

impl<'p, I: Iterator<Item = A>, A: Message, R: Message> ThreadMapUnordered<'p, I, A, R> {
    pub(super) fn new(pool: &'p ThreadPool, f: fn(A) -> R, inputs: I) -> Self {
        let source = Source::new(pool, f, inputs);
        let arrivals = Arrivals::default();
        let mut map =
            ThreadMapUnordered { source, next_index: 0, under_way: BTreeMap::new(), arrivals };
        map.feed();
        map
    }

    fn feed(&mut self) {
        while let Some(handle) = self.source.next(self.under_way.len()) {
            self.arrivals.expect(self.next_index, &handle);
            self.under_way.insert(self.next_index, handle);
            self.next_index += 1;
        }
    }
}

impl<I: Iterator<Item = A>, A: Message, R: Message> Iterator
    for ThreadMapUnordered<'_, I, A, R>
{
    type Item = (usize, Result<R, TaskError>);

    fn next(&mut self) -> Option<Self::Item> {
        self.feed();
        if self.under_way.is_empty() {
            return None;
        }
        let index = self.arrivals.next(Some(&*self.source.pool.shared));
        Some((index, self.under_way.remove(&index)?.join()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.source.size_hint(self.under_way.len())
    }
}

impl<I: ExactSizeIterator<Item = A>, A: Message, R: Message> ExactSizeIterator
    for ThreadMapUnordered<'_, I, A, R>
{
}
impl<I: Iterator<Item = A>, A: Message, R: Message> FusedIterator
    for ThreadMapUnordered<'_, I, A, R>
{
}

impl<I, A, R> Drop for ThreadMapUnordered<'_, I, A, R> {
    fn drop(&mut self) {
        for handle in self.under_way.values().rev() {
            handle.cancel();
        }
    }
}

impl<I, A, R> fmt::Debug for ThreadMapUnordered<'_, I, A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadMapUnordered").field("under_way", &self.under_way.len()).finish()
    }
}
