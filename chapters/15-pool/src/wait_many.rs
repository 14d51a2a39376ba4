//! Waiting for the first of several tasks, for all of them, or for one after the other as they finish.

use crate::error::TaskError;
use crate::handle::{JoinHandle, TaskId};
use std::fmt;
use std::iter::FusedIterator;
use std::time::{Duration, Instant};
use task::Message;

/// Handles in the order in which they finish.
#[doc(alias = "wait")]
pub fn as_completed<R: Message>(
    handles: impl IntoIterator<Item = JoinHandle<R>>,
) -> AsCompleted<R> {
    AsCompleted { handles: handles.into_iter().collect() }
}

/// Results as they finish; see [`as_completed`].
pub struct AsCompleted<R> {
    handles: Vec<JoinHandle<R>>,
}

impl<R: Message> Iterator for AsCompleted<R> {
    type Item = (TaskId, Result<R, TaskError>);

    fn next(&mut self) -> Option<Self::Item> {
        let first = wait_first(&mut self.handles, None)?;
        let handle = self.handles.swap_remove(first);
        Some((handle.id(), handle.join()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.handles.len(), Some(self.handles.len()))
    }
}

impl<R: Message> ExactSizeIterator for AsCompleted<R> {}
impl<R: Message> FusedIterator for AsCompleted<R> {}

impl<R> fmt::Debug for AsCompleted<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted").field("left", &self.handles.len()).finish()
    }
}

/// Index of a finished handle, or `None` at the timeout or if there are no handles.
#[doc(alias = "FIRST_COMPLETED")]
pub fn wait_first<R: Message>(
    handles: &mut [JoinHandle<R>],
    timeout: Option<Duration>,
) -> Option<usize> {
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    JoinHandle::wait_any(handles, deadline)
}

/// Whether all have finished, after at most `timeout`.
#[doc(alias = "ALL_COMPLETED")]
pub fn wait_all<R: Message>(handles: &mut [JoinHandle<R>], timeout: Option<Duration>) -> bool {
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    handles.iter().all(|handle| handle.wait(deadline, false))
}
