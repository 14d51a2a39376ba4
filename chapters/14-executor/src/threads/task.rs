//! One task of a thread pool: an argument that waits, and the promise of a result.
//!
//! Invariant: the argument is taken out once, by whoever runs the task or ends it before it runs.

use super::Shared;
use crate::error::TaskError;
use crate::pending::{Callback, Control, Pending, TaskId, Waiter};
use crate::promise::Promise;
use ::task::{Message, PanicReport};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::thread::Thread;
use std::time::Instant;

/// A task as the queue sees it.
pub(super) trait Job: Send + Sync {
    /// Runs it, unless it was cancelled; whether it ran.
    fn run(&self) -> bool;

    /// Cancels it, unless it has begun.
    fn cancel(&self) -> bool;
}

pub(super) struct Task<A, R> {
    id: TaskId,
    shared: Arc<Shared>,
    f: fn(A) -> R,
    /// Until it is run or cancelled.
    argument: Mutex<Option<A>>,
    accepted: Instant,
    promise: Promise<R>,
}

impl<A: Message, R: Message> Task<A, R> {
    pub(super) fn new(id: TaskId, shared: Arc<Shared>, f: fn(A) -> R, a: A) -> Task<A, R> {
        let argument = Mutex::new(Some(a));
        Task { id, shared, f, argument, accepted: Instant::now(), promise: Promise::new() }
    }

    fn argument(&self) -> Option<A> {
        self.argument.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn is_waiting(&self) -> bool {
        self.argument.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

// ANCHOR: run
impl<A: Message, R: Message> Job for Task<A, R> {
    fn run(&self) -> bool {
        let Some(argument) = self.argument() else { return false };
        let begun = Instant::now();
        self.shared.begun(begun - self.accepted);
        let result = ::task::catch(self.f, argument).map_err(panicked);
        self.shared.ended(Some(begun.elapsed()), |stats| match &result {
            Ok(_) => stats.completed += 1,
            Err(_) => stats.panicked += 1,
        });
        self.promise.fulfil(result)
    }

    fn cancel(&self) -> bool {
        // The argument's destructor is the caller's code: it runs without any lock.
        if self.argument().is_none() {
            return false;
        }
        self.shared.ended(None, |stats| stats.cancelled += 1);
        self.promise.fulfil(Err(TaskError::Cancelled))
    }
}
// ANCHOR_END: run

fn panicked(report: PanicReport) -> TaskError {
    TaskError::Panicked {
        backtrace: report.backtrace(),
        message: report.message,
        location: report.location,
    }
}

impl<A: Message, R: Message> Control for Task<A, R> {
    fn id(&self) -> TaskId {
        self.id
    }

    fn cancel(self: Arc<Self>) -> bool {
        Job::cancel(&*self)
    }

    /// A thread cannot be killed: only a task that waits is ended.
    fn abort(self: Arc<Self>) -> bool {
        if self.argument().is_none() {
            return false;
        }
        self.shared.ended(None, |stats| stats.aborted += 1);
        self.promise.fulfil(Err(TaskError::Aborted))
    }

    fn is_finished(&self) -> bool {
        self.promise.is_done()
    }

    fn is_running(&self) -> bool {
        !self.is_waiting() && !self.promise.is_fulfilled()
    }
}

impl<A: Message, R: Message> Pending<R> for Task<A, R> {
    fn is_done(&self) -> bool {
        self.promise.is_done()
    }

    fn wait(&self, deadline: Option<Instant>, _: bool) -> bool {
        self.shared.wait_until(deadline, &mut || self.promise.is_done(), &mut |thread| {
            self.promise.unpark_when_done(thread)
        })
    }

    fn take(&self) -> Option<Result<R, TaskError>> {
        self.promise.take()
    }

    fn wake_when_done(&self, waker: &Waker) -> bool {
        self.promise.wake_when_done(waker)
    }

    fn unpark_when_done(&self, thread: Option<&Thread>) {
        self.promise.unpark_when_done(thread);
    }

    fn on_done(&self, callback: Callback<R>) {
        self.promise.on_done(callback);
    }

    fn waiter(&self) -> Option<&dyn Waiter> {
        Some(&*self.shared)
    }
}
