//! One task of `submit`: what waits, what is under way, and what came of it.
//!
//! A [`Cell`] is shared by its `JoinHandle` and by whoever has the task now: the queue, then a lane. Its stage only
//! moves forward: waiting, sent, done, taken (a task that is run again goes back to waiting). Whoever moves it to done
//! does so once: `finish` says whether it was the one.

use crate::core::Core;
use crate::lane::Parked;
use crate::state::Stamp;
use executor::TaskError;
use std::any::Any;
use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::Thread;

/// Descriptors that travel with a payload; boxed, because hardly any payload has one.
pub(crate) type Attached = Option<Box<Vec<Arc<OwnedFd>>>>;

/// An encoded argument.
#[derive(Debug, Default)]
pub(crate) struct Payload {
    pub(crate) bytes: Box<[u8]>,
    pub(crate) attached: Attached,
}

/// What came of a task.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The worker's own words, to be decoded by who joins.
    Bytes {
        /// `task::Outcome` as a number.
        outcome: u8,
        bytes: Box<[u8]>,
        descriptors: Option<Box<[OwnedFd]>>,
    },
    /// A large result that lies where the worker wrote it, with the descriptors that came with it.
    Parked(Box<(Parked, Vec<OwnedFd>)>),
    Failed(Box<TaskError>),
    /// Decoded for a callback: a `Result<R, TaskError>` of the handle's type.
    Decoded(Box<dyn Any + Send>),
}

/// What runs when a task has ended: it may decode the answer, and leaves it decoded.
pub(crate) type Callback = Box<dyn FnOnce(Answer) -> Answer + Send>;

impl Answer {
    pub(crate) fn failed(error: TaskError) -> Answer {
        Answer::Failed(Box::new(error))
    }
}

/// How far the task is.
#[derive(Debug)]
pub(crate) enum Stage {
    /// In the queue.
    Waiting(Payload),
    /// In the ring of the lane with this number.
    Sent {
        lane: u32,
    },
    /// It has ended, and its callbacks have yet to run; the answer is out while one runs.
    Told(Option<Answer>),
    Done(Answer),
    /// The answer was handed out.
    Taken,
}

/// Who is to be told when the task is done.
#[derive(Default)]
pub(crate) struct Listeners {
    /// The thread that sleeps in `join`.
    pub(crate) thread: Option<Thread>,
    /// Whether that thread will take the answer at once: it sleeps in `join`, not in `wait_first`.
    pub(crate) will_take: bool,
    /// The executor that polls the handle as a future.
    pub(crate) waker: Option<Waker>,
    /// In the order in which they were registered.
    callbacks: Vec<Callback>,
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listeners")
            .field("thread", &self.thread)
            .field("waker", &self.waker)
            .field("callbacks", &self.callbacks.len())
            .finish()
    }
}

/// What has become of an answer; see [`Cell::finish`].
pub(crate) enum Finish {
    /// The task is done: these are to be told.
    Done(Option<Box<Listeners>>),
    /// The task has ended, and is done when [`Cell::tell`] has run.
    ToTell,
    /// It had its end already.
    Late,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) stage: Stage,
    listeners: Option<Box<Listeners>>,
}

impl Inner {
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done(_) | Stage::Taken)
    }

    /// Whether its outcome is fixed.
    fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Told(_) | Stage::Done(_) | Stage::Taken)
    }

    pub(crate) fn listeners(&mut self) -> &mut Listeners {
        self.listeners.get_or_insert_default()
    }
}

/// What is asked of one task beside its call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Terms {
    /// How often it may be run again after its worker died.
    pub(crate) retries: u32,
    pub(crate) priority: i8,
    /// How long it may run.
    pub(crate) timeout: Option<Timeout>,
}

/// A time limit in nanoseconds, which is never zero.
pub(crate) type Timeout = std::num::NonZeroU64;

/// A task of `submit`.
pub(crate) struct Cell {
    pub(crate) core: Arc<Core>,
    pub(crate) id: u64,
    pub(crate) call: u64,
    pub(crate) terms: Terms,
    /// A [`Stamp`]; read and written under the pool's lock.
    stamp: AtomicU64,
    inner: Mutex<Inner>,
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cell").field("id", &self.id).field("inner", &self.inner).finish()
    }
}

impl Cell {
    pub(crate) fn new(core: Arc<Core>, id: u64, call: u64, terms: Terms, stage: Stage) -> Cell {
        let inner = Mutex::new(Inner { stage, listeners: None });
        Cell { core, id, call, terms, stamp: AtomicU64::new(0), inner }
    }

    pub(crate) fn set_stamp(&self, stamp: Stamp) {
        self.stamp.store(stamp.to_bits(), Ordering::Relaxed);
    }

    /// The stamp, once: whoever takes it counts it.
    pub(crate) fn take_stamp(&self) -> Stamp {
        let stamp = Stamp::from_bits(self.stamp.load(Ordering::Relaxed));
        if stamp != Stamp::NONE {
            self.set_stamp(stamp.counted());
        }
        stamp
    }

    /// When it was accepted; 0 if it has no stamp.
    pub(crate) fn stamped_ns(&self) -> u64 {
        Stamp::from_bits(self.stamp.load(Ordering::Relaxed)).ns()
    }

    /// Nothing panics while it holds this lock, and a stage is always whole: poison says nothing.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.lock().is_done()
    }

    /// Whether its outcome is fixed, even if it is not done.
    pub(crate) fn has_ended(&self) -> bool {
        self.lock().has_ended()
    }

    /// Ends the task, unless it has ended, and says who is to be told.
    pub(crate) fn finish(&self, answer: Answer) -> Finish {
        let mut inner = self.lock();
        if inner.has_ended() {
            return Finish::Late;
        }
        if inner.listeners.as_ref().is_some_and(|listeners| !listeners.callbacks.is_empty()) {
            inner.stage = Stage::Told(Some(answer));
            return Finish::ToTell;
        }
        inner.stage = Stage::Done(answer);
        Finish::Done(inner.listeners.take())
    }

    /// In a copy of the program nobody will ever answer: the task is lost there, and its callbacks do not run.
    #[inline]
    pub(crate) fn lose_in_a_copy(&self) {
        if !self.core.is_here() {
            self.lose();
        }
    }

    #[cold]
    fn lose(&self) {
        let mut inner = self.lock();
        if !inner.is_done() {
            let cause = crate::origin::FOREIGN.to_owned();
            inner.stage = Stage::Done(Answer::failed(TaskError::PoolBroken { cause }));
        }
    }

    /// Registers a callback, or runs it now if the task is done.
    pub(crate) fn on_done(&self, callback: Callback) {
        let mut inner = self.lock();
        if !inner.is_done() {
            return inner.listeners().callbacks.push(callback);
        }
        // Without the lock: a callback may ask its own handle whatever it likes.
        let Stage::Done(answer) = std::mem::replace(&mut inner.stage, Stage::Taken) else {
            return;
        };
        drop(inner);
        let answer = callback(answer);
        self.lock().stage = Stage::Done(answer);
    }

    /// Runs the callbacks of a task that has ended, after which it is done; who is to be told then.
    pub(crate) fn tell(&self) -> Option<Box<Listeners>> {
        loop {
            let mut inner = self.lock();
            let Stage::Told(answer) = &mut inner.stage else { return None };
            let mut answer = answer.take()?;
            let callbacks = std::mem::take(&mut inner.listeners().callbacks);
            if callbacks.is_empty() {
                inner.stage = Stage::Done(answer);
                return inner.listeners.take();
            }
            drop(inner);
            for callback in callbacks {
                answer = callback(answer);
            }
            self.lock().stage = Stage::Told(Some(answer));
        }
    }

    /// Whether a thread sleeps in `join`: it will take the answer at once.
    pub(crate) fn is_awaited(&self) -> bool {
        self.lock().listeners.as_ref().is_some_and(|listeners| listeners.will_take)
    }

    /// The payload of a task that waits, which is under way from here on.
    pub(crate) fn send(&self, lane: u32) -> Option<Payload> {
        let mut inner = self.lock();
        match std::mem::replace(&mut inner.stage, Stage::Sent { lane }) {
            Stage::Waiting(payload) => Some(payload),
            other => {
                inner.stage = other;
                None
            }
        }
    }

    /// Puts a task that was sent back to waiting.
    pub(crate) fn take_back(&self, payload: Payload) {
        let mut inner = self.lock();
        if matches!(inner.stage, Stage::Sent { .. }) {
            inner.stage = Stage::Waiting(payload);
        }
    }

    /// The answer, once.
    pub(crate) fn take(&self) -> Option<Answer> {
        let mut inner = self.lock();
        match std::mem::replace(&mut inner.stage, Stage::Taken) {
            Stage::Done(answer) => Some(answer),
            other => {
                inner.stage = other;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::Waiting;

    /// A million tasks may wait: what each costs beside its payload is counted in bytes. An allocation adds up to 16 of
    /// its own, and a queue that has just doubled has two entries per task.
    #[test]
    fn a_waiting_task_is_small() {
        let cell = 2 * size_of::<usize>() + size_of::<Cell>();
        let entry = 2 * size_of::<Waiting>();
        let payload_allocation = 16;
        let bytes = cell + 16 + entry + payload_allocation;
        assert!(bytes <= 200, "{cell} + 16 + {entry} + {payload_allocation} = {bytes} bytes");
    }
}
