//! Waiting for the first of several tasks, for all of them, or for one after the other as they finish.

use crate::error::TaskError;
use crate::handle::JoinHandle;
use crate::pending::{TaskId, Waiter};
use std::collections::VecDeque;
use std::fmt;
use std::iter::FusedIterator;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};
use task::Message;

/// Handles in the order in which they finish.
///
/// ```
/// # let pool = executor::ThreadPool::new(1);
/// let handles = [3, 1, 2].map(|n: u32| pool.submit(|n| n * n, n));
/// let mut squares: Vec<u32> = Vec::new();
/// for (_id, result) in executor::as_completed(handles) {
///     squares.push(result?);
/// }
/// squares.sort();
/// assert_eq!(squares, [1, 4, 9]);
/// # Ok::<(), executor::TaskError>(())
/// ```
#[doc(alias = "wait")]
#[doc(alias = "FIRST_EXCEPTION")]
pub fn as_completed<R: Message>(
    handles: impl IntoIterator<Item = JoinHandle<R>>,
) -> AsCompleted<R> {
    let handles: Vec<_> = handles.into_iter().map(Some).collect();
    let arrivals = Arrivals::default();
    for (index, handle) in handles.iter().flatten().enumerate() {
        arrivals.expect(index, handle);
    }
    let of_one_backend = handles.iter().flatten().next().is_some_and(|first| {
        first.task().waiter().is_some_and(|it| is_for_all(it, handles.iter().flatten()))
    });
    AsCompleted { left: handles.len(), handles, first: 0, of_one_backend, arrivals }
}

/// Results as they finish; see [`as_completed`].
pub struct AsCompleted<R> {
    /// A place is empty once its result was handed out.
    handles: Vec<Option<JoinHandle<R>>>,
    left: usize,
    /// No place before this one is filled.
    first: usize,
    /// Whether one backend's way to wait does for all.
    of_one_backend: bool,
    arrivals: Arrivals,
}

/// Which handles have finished and were not handed out, so that nobody has to look at all of them each time.
#[derive(Default)]
pub(crate) struct Arrivals(Arc<Finished>);

#[derive(Default)]
struct Finished(Mutex<(VecDeque<usize>, Option<Thread>)>);

impl Finished {
    fn lock(&self) -> MutexGuard<'_, (VecDeque<usize>, Option<Thread>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, index: usize) {
        let mut inner = self.lock();
        inner.0.push_back(index);
        if let Some(thread) = inner.1.take() {
            thread.unpark();
        }
    }
}

impl Arrivals {
    /// Notes when the handle has finished.
    pub(crate) fn expect<R>(&self, index: usize, handle: &JoinHandle<R>) {
        let finished = Arc::clone(&self.0);
        if !handle.task().wake_when_done(&Waker::from(Arc::new(Arrival { index, finished }))) {
            self.0.push(index);
        }
    }

    /// Waits for the next one that has finished. At least one must be expected.
    pub(crate) fn next(&self, waiter: Option<&dyn Waiter>) -> usize {
        loop {
            if let Some(index) = self.0.lock().0.pop_front() {
                return index;
            }
            wait_by(waiter, None, &mut || !self.0.lock().0.is_empty(), &mut |thread| {
                self.0.lock().1 = thread.cloned()
            });
        }
    }
}

/// Says of one handle that it has finished.
struct Arrival {
    index: usize,
    finished: Arc<Finished>,
}

impl Wake for Arrival {
    fn wake(self: Arc<Self>) {
        self.finished.push(self.index);
    }
}

impl<R: Message> Iterator for AsCompleted<R> {
    type Item = (TaskId, Result<R, TaskError>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        while self.handles.get(self.first)?.is_none() {
            self.first += 1;
        }
        let waiter = self.handles[self.first].as_ref()?.task().waiter();
        let index = self.arrivals.next(waiter.filter(|_| self.of_one_backend));
        self.left -= 1;
        let handle = self.handles[index].take()?;
        Some((handle.id(), handle.join()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<R: Message> ExactSizeIterator for AsCompleted<R> {}
impl<R: Message> FusedIterator for AsCompleted<R> {}

impl<R> fmt::Debug for AsCompleted<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted").field("left", &self.left).finish()
    }
}

/// Index of a finished handle, or `None` at the timeout or if there are no handles.
///
/// ```
/// # let pool = executor::ThreadPool::new(1);
/// use std::time::Duration;
///
/// let mut handles = [1, 2].map(|n: u32| pool.submit(|n| n * n, n));
/// let first = executor::wait_first(&mut handles, Some(Duration::from_secs(60)));
/// assert!(first.is_some_and(|first| handles[first].is_finished()));
/// ```
#[doc(alias = "FIRST_COMPLETED")]
pub fn wait_first<R: Message>(
    handles: &mut [JoinHandle<R>],
    timeout: Option<Duration>,
) -> Option<usize> {
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let finished = || handles.iter().position(|handle| handle.task().is_done());
    let first = handles.first()?;
    wait_by(
        first.task().waiter().filter(|waiter| is_for_all(*waiter, &*handles)),
        deadline,
        &mut || finished().is_some(),
        &mut |thread| {
            handles.iter().for_each(|handle| handle.task().unpark_when_done(thread));
        },
    );
    finished()
}

/// Whether all have finished, after at most `timeout`.
///
/// ```
/// # let pool = executor::ThreadPool::new(1);
/// let mut handles = [1, 2].map(|n: u32| pool.submit(|n| n * n, n));
/// assert!(executor::wait_all(&mut handles, None));
/// assert!(handles.iter().all(|handle| handle.is_finished()));
/// ```
#[doc(alias = "ALL_COMPLETED")]
pub fn wait_all<R: Message>(handles: &mut [JoinHandle<R>], timeout: Option<Duration>) -> bool {
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    handles.iter().all(|handle| handle.task().wait(deadline, false))
}

/// Whether all handles are of the backend that waits by `waiter`.
fn is_for_all<'h, R: 'h>(
    waiter: &dyn Waiter,
    handles: impl IntoIterator<Item = &'h JoinHandle<R>>,
) -> bool {
    handles.into_iter().all(|handle| {
        handle.task().waiter().is_some_and(|other| std::ptr::addr_eq(other, waiter))
    })
}

/// Waits by a backend's own way, or else sleeps until something unparks this thread: each of several backends serves
/// its tasks by itself while nobody waits there.
fn wait_by(
    waiter: Option<&dyn Waiter>,
    deadline: Option<Instant>,
    done: &mut dyn FnMut() -> bool,
    listen: &mut dyn FnMut(Option<&Thread>),
) {
    if done() {
        return;
    }
    if let Some(waiter) = waiter {
        waiter.wait_until(deadline, done, listen);
        return;
    }
    let own = std::thread::current();
    loop {
        listen(Some(&own));
        if done() {
            return listen(None);
        }
        match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
            None => std::thread::park(),
            Some(Duration::ZERO) => return listen(None),
            Some(left) => std::thread::park_timeout(left),
        }
    }
}
