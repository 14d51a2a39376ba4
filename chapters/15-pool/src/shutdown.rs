//! How a pool ends: in good order, sooner, or now, and what it leaves to be told.

use crate::error::{PoolError, TaskError};
use crate::pool::Pool;
use crate::state::{Counts, Standing};
use crate::stats::Stats;
use crate::supervisor::Order;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

/// How a pool is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Run what was accepted.
    Finish,
    /// Drop what has not started.
    Cancel,
    /// Kill the workers now: running tasks end [`TaskError::Aborted`], waiting ones [`TaskError::Cancelled`].
    Kill,
}

impl Shutdown {
    fn harder(self) -> Option<Shutdown> {
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

impl Pool {
    /// Ends the pool. Past `deadline` it goes on in the next harder way, with the same deadline again. When it returns,
    /// finalizers have run and no process, thread or descriptor of the pool is left. Tasks that are submitted from now
    /// on end [`TaskError::PoolClosed`]. A second call returns what the first one found.
    ///
    /// # Errors
    /// [`PoolError::Os`] if a thread of the pool itself has panicked.
    #[doc(alias = "close")]
    #[doc(alias = "terminate")]
    pub fn shutdown(
        &self,
        how: Shutdown,
        deadline: Option<Duration>,
    ) -> Result<Summary, PoolError> {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(summary) = &*ended {
            return Ok(summary.clone());
        }
        let before = self.core.lock().counts;
        let mut way = how;
        self.begin(way);
        let mut due = due_after(deadline);
        while !self.core.wait(
            due,
            |state| !state.has_work(),
            |state, thread| state.drained = thread,
        ) {
            way = way.harder().unwrap_or(way);
            self.begin(way);
            // A killed worker is gone in moments, whatever the deadline was.
            due = if way == Shutdown::Kill { None } else { due_after(deadline) };
        }
        if way != Shutdown::Kill {
            self.order(Order::Leave);
            let due = due_after(deadline);
            if !self.supervisor_ends(due) {
                way = Shutdown::Kill;
                self.order(Order::Kill);
            }
        }
        let joined = self.join_threads();
        let summary = self.summary(before, (way != how).then_some(way));
        *ended = Some(summary.clone());
        joined.map(|()| summary)
    }

    fn begin(&self, way: Shutdown) {
        let mut state = self.core.lock();
        if state.standing == Standing::Open {
            state.standing = Standing::Closed;
        }
        if way != Shutdown::Finish {
            state.cancel_all(|| TaskError::Cancelled);
        }
        if way == Shutdown::Kill {
            for lane in state.lanes.values_mut() {
                lane.aborted = true;
            }
        }
        self.core.leave(state);
        self.core.room_for_all();
        if way == Shutdown::Kill {
            self.order(Order::Kill);
        }
    }

    /// Whether the supervisor has ended by then; its end closes the channel.
    fn supervisor_ends(&self, due: Option<Instant>) -> bool {
        let end = self.supervisor_end.lock().unwrap_or_else(PoisonError::into_inner);
        match due {
            None => end.recv().is_err(),
            Some(due) => {
                let left = due.saturating_duration_since(Instant::now());
                end.recv_timeout(left) == Err(RecvTimeoutError::Disconnected)
            }
        }
    }

    fn join_threads(&self) -> Result<(), PoolError> {
        self.stop.store(true, Ordering::SeqCst);
        self.core.wake_background();
        self.core.bell().ring();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let mut whole = true;
        for thread in threads {
            thread.thread().unpark();
            whole &= thread.join().is_ok();
        }
        if whole {
            return Ok(());
        }
        let source = std::io::Error::other("a thread of the pool has panicked");
        Err(PoolError::Os { call: "shutdown", source })
    }

    fn summary(&self, before: Counts, escalated_to: Option<Shutdown>) -> Summary {
        let stats = self.stats();
        let now = self.core.lock().counts;
        Summary {
            finished: now.ended_by_themselves() - before.ended_by_themselves(),
            cancelled: now.cancelled - before.cancelled,
            killed: now.aborted - before.aborted,
            escalated_to,
            stats,
        }
    }
}

fn due_after(deadline: Option<Duration>) -> Option<Instant> {
    deadline.and_then(|deadline| Instant::now().checked_add(deadline))
}

impl Drop for Pool {
    fn drop(&mut self) {
        let how = if std::thread::panicking() { Shutdown::Kill } else { Shutdown::Finish };
        // Whoever drops a pool cannot be told.
        let _ = self.shutdown(how, None);
    }
}
