//! The one place where a result is put and taken out: the core of a future, for any backend.
//!
//! Owner: the backend's task. The backend calls [`Promise::fulfil`] once; whoever holds the handle waits, in one of four
//! ways: a thread that sleeps, an executor that polls, a callback, a look now and then.
//!
//! Invariant: the result goes in once and comes out once. Callbacks have run before it can come out.
//!
//! # References
//! Liskov and Shrira, "Promises: linguistic support for efficient asynchronous procedure calls in distributed systems"
//! (PLDI 1988); the documentation of `std::task::Wake`.

use crate::error::TaskError;
use crate::pending::Callback;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

// ANCHOR: promise
/// A result that is still to come, and whoever waits for it.
///
/// ```
/// use executor::Promise;
///
/// let promise = Promise::new();
/// assert!(!promise.is_done() && promise.take().is_none());
/// std::thread::scope(|scope| {
///     scope.spawn(|| promise.fulfil(Ok(42)));
///     assert!(promise.wait(None));
/// });
/// assert!(!promise.fulfil(Ok(43)), "it is fulfilled already");
/// assert_eq!(promise.take().unwrap().unwrap(), 42);
/// ```
pub struct Promise<R>(Mutex<Inner<R>>);

struct Inner<R> {
    stage: Stage<R>,
    /// The thread that sleeps until the result is there.
    thread: Option<Thread>,
    /// What polls the handle as a future is woken by.
    waker: Option<Waker>,
    callbacks: Vec<Callback<R>>,
}

enum Stage<R> {
    /// Nobody has fulfilled it.
    Open,
    /// The result is fixed, and the callbacks see it first.
    Told,
    Done(Result<R, TaskError>),
    /// The result was taken out.
    Taken,
}
// ANCHOR_END: promise

impl<R> Promise<R> {
    /// One that nobody has fulfilled.
    pub fn new() -> Promise<R> {
        Promise(Mutex::new(Inner {
            stage: Stage::Open,
            thread: None,
            waker: None,
            callbacks: Vec::new(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner<R>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ANCHOR: fulfil
    /// Puts the result in, runs the callbacks, then tells everybody who waits. False: somebody was faster, and this
    /// result is dropped.
    pub fn fulfil(&self, result: Result<R, TaskError>) -> bool {
        let mut inner = self.lock();
        if !matches!(inner.stage, Stage::Open) {
            return false;
        }
        inner.stage = Stage::Told;
        loop {
            let callbacks = std::mem::take(&mut inner.callbacks);
            if callbacks.is_empty() {
                break;
            }
            // Without the lock: a callback may ask its own handle whatever it likes. More may come meanwhile.
            drop(inner);
            for callback in callbacks {
                let _ = catch_unwind(AssertUnwindSafe(|| callback(&result)));
            }
            inner = self.lock();
        }
        inner.stage = Stage::Done(result);
        let (thread, waker) = (inner.thread.take(), inner.waker.take());
        drop(inner);
        if let Some(thread) = thread {
            thread.unpark();
        }
        if let Some(waker) = waker {
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
        true
    }
    // ANCHOR_END: fulfil

    /// Whether the result is fixed, even if callbacks still see it.
    pub fn is_fulfilled(&self) -> bool {
        !matches!(self.lock().stage, Stage::Open)
    }

    /// Whether the result can be taken out, or was.
    pub fn is_done(&self) -> bool {
        self.lock().is_done()
    }

    // ANCHOR: wait
    /// Sleeps until the result is there. False: the deadline has passed first.
    pub fn wait(&self, deadline: Option<Instant>) -> bool {
        loop {
            self.unpark_when_done(Some(&thread::current()));
            if self.is_done() {
                return true;
            }
            match deadline.map(|due| due.saturating_duration_since(Instant::now())) {
                // It may wake up for no reason, so it looks again.
                None => thread::park(),
                Some(Duration::ZERO) => return false,
                Some(left) => thread::park_timeout(left),
            }
        }
    }
    // ANCHOR_END: wait

    /// The result, once it is there and until it was taken.
    pub fn take(&self) -> Option<Result<R, TaskError>> {
        let mut inner = self.lock();
        match std::mem::replace(&mut inner.stage, Stage::Taken) {
            Stage::Done(result) => Some(result),
            other => {
                inner.stage = other;
                None
            }
        }
    }

    // ANCHOR: wake
    /// Wakes `waker`, in place of the one before, when the result is there. False: it is there already.
    pub fn wake_when_done(&self, waker: &Waker) -> bool {
        let mut inner = self.lock();
        if inner.is_done() {
            return false;
        }
        let before = inner.waker.replace(waker.clone());
        drop(inner);
        // Without the lock: what a waker's destructor does is its executor's affair.
        drop(before);
        true
    }
    // ANCHOR_END: wake

    /// Unparks `thread`, in place of the one before, when the result is there; `None` takes that back.
    pub fn unpark_when_done(&self, thread: Option<&Thread>) {
        let mut inner = self.lock();
        if !inner.is_done() {
            inner.thread = thread.cloned();
        }
    }

    /// Runs `callback` before the result can be taken out, or now if it is there. Its panic harms nobody.
    pub fn on_done(&self, callback: Callback<R>) {
        let mut inner = self.lock();
        if !inner.is_done() {
            return inner.callbacks.push(callback);
        }
        let Stage::Done(result) = std::mem::replace(&mut inner.stage, Stage::Taken) else {
            return;
        };
        drop(inner);
        let _ = catch_unwind(AssertUnwindSafe(|| callback(&result)));
        self.lock().stage = Stage::Done(result);
    }
}

impl<R> Inner<R> {
    fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done(_) | Stage::Taken)
    }
}

impl<R> Default for Promise<R> {
    fn default() -> Promise<R> {
        Promise::new()
    }
}

impl<R> fmt::Debug for Promise<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.lock().stage {
            Stage::Open => "open",
            Stage::Told => "told",
            Stage::Done(_) => "done",
            Stage::Taken => "taken",
        };
        f.debug_tuple("Promise").field(&stage).finish()
    }
}
