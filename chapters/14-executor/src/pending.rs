//! What a backend provides for each of its tasks, so that a [`JoinHandle`](crate::JoinHandle) can be made of it.
//!
//! Owner: the handle and the backend share the task by an `Arc`. A task has *ended* when its outcome is fixed, and is
//! *done* when its callbacks have run too; from then on its result can be taken, once.

use crate::error::TaskError;
use crate::promise::Promise;
use std::sync::Arc;
use std::task::Waker;
use std::thread::Thread;
use std::time::Instant;

/// A task's number: unique in its pool, in the order of submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(pub u64);

/// What [`JoinHandle::on_done`](crate::JoinHandle::on_done) registers.
pub type Callback<R> = Box<dyn FnOnce(&Result<R, TaskError>) + Send>;

// ANCHOR: control
/// A task as one sees it who does not care for the type of its result.
pub trait Control: Send + Sync {
    /// Its number.
    fn id(&self) -> TaskId;

    /// Takes the task back if it has not begun: true means that it never ran and never will.
    fn cancel(self: Arc<Self>) -> bool;

    /// Ends the task, running or not: true means that it will end as [`TaskError::Aborted`].
    fn abort(self: Arc<Self>) -> bool;

    /// Whether the task is done. The backend may look for answers first.
    fn is_finished(&self) -> bool;

    /// Whether somebody runs the task just now.
    fn is_running(&self) -> bool;
}
// ANCHOR_END: control

// ANCHOR: pending
/// A task whose result is an `R`.
pub trait Pending<R>: Control {
    /// Whether the task is done. A look at one word or one lock: it is called for each of many handles.
    fn is_done(&self) -> bool;

    /// Waits until the task is done. `will_take`: the caller takes the result then, whatever else happens. False: the
    /// deadline has passed first.
    fn wait(&self, deadline: Option<Instant>, will_take: bool) -> bool;

    /// The result of a task that is done; `None` if it was taken before or is not done.
    fn take(&self) -> Option<Result<R, TaskError>>;

    /// Wakes `waker`, in place of the one before, when the task is done. False: it is done already.
    fn wake_when_done(&self, waker: &Waker) -> bool;

    /// Unparks `thread` when the task is done, in place of the one before; `None` takes that back.
    fn unpark_when_done(&self, thread: Option<&Thread>);

    /// Runs `callback` when the task has ended and before it is done, or now if it is done.
    fn on_done(&self, callback: Callback<R>);

    /// By whom a thread waits for several tasks at once, if the backend has a way of its own.
    fn waiter(&self) -> Option<&dyn Waiter> {
        None
    }
}
// ANCHOR_END: pending

/// A backend's way to wait for several of its tasks.
pub trait Waiter: Send + Sync {
    /// Waits until `done` says so. `listen` is asked to remember the thread that is to be unparked when something has
    /// ended, or to forget it. False: the deadline has passed first.
    fn wait_until(
        &self,
        deadline: Option<Instant>,
        done: &mut dyn FnMut() -> bool,
        listen: &mut dyn FnMut(Option<&Thread>),
    ) -> bool;
}

/// A task that ended before it was one.
pub(crate) struct Ended<R> {
    id: TaskId,
    promise: Promise<R>,
}

impl<R> Ended<R> {
    pub(crate) fn new(id: TaskId, result: Result<R, TaskError>) -> Ended<R> {
        let promise = Promise::new();
        promise.fulfil(result);
        Ended { id, promise }
    }
}

impl<R: Send> Control for Ended<R> {
    fn id(&self) -> TaskId {
        self.id
    }

    fn cancel(self: Arc<Self>) -> bool {
        false
    }

    fn abort(self: Arc<Self>) -> bool {
        false
    }

    fn is_finished(&self) -> bool {
        true
    }

    fn is_running(&self) -> bool {
        false
    }
}

impl<R: Send> Pending<R> for Ended<R> {
    fn is_done(&self) -> bool {
        true
    }

    fn wait(&self, _: Option<Instant>, _: bool) -> bool {
        true
    }

    fn take(&self) -> Option<Result<R, TaskError>> {
        self.promise.take()
    }

    fn wake_when_done(&self, waker: &Waker) -> bool {
        self.promise.wake_when_done(waker)
    }

    fn unpark_when_done(&self, _: Option<&Thread>) {}

    fn on_done(&self, callback: Callback<R>) {
        self.promise.on_done(callback);
    }
}
