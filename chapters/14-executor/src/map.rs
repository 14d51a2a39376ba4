//! `map` and `map_unordered` for any backend that hands out handles: inputs are taken lazily, results in order or as they
//! come.
//!
//! Owner: the caller's thread. It takes inputs whenever it takes a result out, so what a backend holds is bounded by how
//! far its [`Feed`] lets it run ahead.

use crate::error::TaskError;
use crate::handle::JoinHandle;
use crate::pending::Waiter;
use crate::wait_many::Arrivals;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::iter::FusedIterator;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use task::Message;

/// How a map hands its inputs to a backend.
pub trait Feed {
    /// An input.
    type Input;
    /// What a task returns.
    type Output: Message;

    /// How many inputs are to be taken now and handed over together, when `ahead` were taken and their results were not
    /// taken out. It is asked again until it says 0.
    fn room(&mut self, ahead: usize) -> usize;

    /// Hands inputs over: a handle for each, in their order.
    fn submit(&mut self, inputs: Vec<Self::Input>) -> Vec<JoinHandle<Self::Output>>;

    /// The backend's own way to wait for several of its tasks.
    fn waiter(&self) -> Option<&dyn Waiter> {
        None
    }
}

/// What both iterators take their inputs from.
struct Source<F, I> {
    feed: F,
    /// `None` once it has ended, or has panicked.
    inputs: Option<I>,
}

impl<F: Feed, I: Iterator<Item = F::Input>> Source<F, I> {
    /// Hands over as many inputs as there is room for.
    fn feed(&mut self, ahead: usize, mut submitted: impl FnMut(JoinHandle<F::Output>)) {
        let mut ahead = ahead;
        loop {
            let room = self.feed.room(ahead);
            if room == 0 {
                return;
            }
            // Out of its place while it runs: if it panics, it is not asked again.
            let Some(mut inputs) = self.inputs.take() else { return };
            let mut batch = Vec::new();
            let filling = catch_unwind(AssertUnwindSafe(|| {
                batch.extend(inputs.by_ref().take(room));
                // An iterator that has ended is not asked again either.
                (batch.len() == room).then_some(inputs)
            }));
            ahead += batch.len();
            // What was taken before a panic is on its way when the caller sees it.
            if !batch.is_empty() {
                self.feed.submit(batch).into_iter().for_each(&mut submitted);
            }
            self.inputs = filling.unwrap_or_else(|panic| resume_unwind(panic));
        }
    }

    fn size_hint(&self, ahead: usize) -> (usize, Option<usize>) {
        let (low, high) = self.inputs.as_ref().map_or((0, Some(0)), I::size_hint);
        (low.saturating_add(ahead), high.and_then(|high| high.checked_add(ahead)))
    }
}

/// Results in the order of the inputs.
#[must_use = "what is not taken out may never be run"]
pub struct LazyMap<F: Feed, I> {
    source: Source<F, I>,
    under_way: VecDeque<JoinHandle<F::Output>>,
}

impl<F: Feed, I: Iterator<Item = F::Input>> LazyMap<F, I> {
    /// Starts at once.
    pub fn new(feed: F, inputs: I) -> LazyMap<F, I> {
        let source = Source { feed, inputs: Some(inputs) };
        let mut map = LazyMap { source, under_way: VecDeque::new() };
        map.feed();
        map
    }

    fn feed(&mut self) {
        let under_way = &mut self.under_way;
        self.source.feed(under_way.len(), |handle| under_way.push_back(handle));
    }
}

impl<F: Feed, I: Iterator<Item = F::Input>> Iterator for LazyMap<F, I> {
    type Item = Result<F::Output, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.feed();
        Some(self.under_way.pop_front()?.join())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.source.size_hint(self.under_way.len())
    }
}

impl<F: Feed, I: ExactSizeIterator<Item = F::Input>> ExactSizeIterator for LazyMap<F, I> {}
impl<F: Feed, I: Iterator<Item = F::Input>> FusedIterator for LazyMap<F, I> {}

impl<F: Feed, I> Drop for LazyMap<F, I> {
    fn drop(&mut self) {
        // From the last to the first, so that none begins while its neighbours go.
        for handle in self.under_way.iter().rev() {
            handle.cancel();
        }
    }
}

impl<F: Feed, I> fmt::Debug for LazyMap<F, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyMap").field("under_way", &self.under_way.len()).finish()
    }
}

/// Results as they finish, each with the index of its input.
#[must_use = "what is not taken out may never be run"]
pub struct LazyMapUnordered<F: Feed, I> {
    source: Source<F, I>,
    next_index: usize,
    under_way: BTreeMap<usize, JoinHandle<F::Output>>,
    arrivals: Arrivals,
}

impl<F: Feed, I: Iterator<Item = F::Input>> LazyMapUnordered<F, I> {
    /// Starts at once.
    pub fn new(feed: F, inputs: I) -> LazyMapUnordered<F, I> {
        let source = Source { feed, inputs: Some(inputs) };
        let (under_way, arrivals) = (BTreeMap::new(), Arrivals::default());
        let mut map = LazyMapUnordered { source, next_index: 0, under_way, arrivals };
        map.feed();
        map
    }

    fn feed(&mut self) {
        let (under_way, next_index) = (&mut self.under_way, &mut self.next_index);
        self.source.feed(under_way.len(), |handle| {
            self.arrivals.expect(*next_index, &handle);
            under_way.insert(*next_index, handle);
            *next_index += 1;
        });
    }
}

impl<F: Feed, I: Iterator<Item = F::Input>> Iterator for LazyMapUnordered<F, I> {
    type Item = (usize, Result<F::Output, TaskError>);

    fn next(&mut self) -> Option<Self::Item> {
        self.feed();
        if self.under_way.is_empty() {
            return None;
        }
        let index = self.arrivals.next(self.source.feed.waiter());
        Some((index, self.under_way.remove(&index)?.join()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.source.size_hint(self.under_way.len())
    }
}

impl<F: Feed, I: ExactSizeIterator<Item = F::Input>> ExactSizeIterator
    for LazyMapUnordered<F, I>
{
}
impl<F: Feed, I: Iterator<Item = F::Input>> FusedIterator for LazyMapUnordered<F, I> {}

impl<F: Feed, I> Drop for LazyMapUnordered<F, I> {
    fn drop(&mut self) {
        for handle in self.under_way.values().rev() {
            handle.cancel();
        }
    }
}

impl<F: Feed, I> fmt::Debug for LazyMapUnordered<F, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyMapUnordered").field("under_way", &self.under_way.len()).finish()
    }
}
