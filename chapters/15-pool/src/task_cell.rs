//! One task of `submit`: what waits, what is under way, and what came of it.
//!
//! A [`Cell`] is shared by its `JoinHandle` and by whoever has the task now: the queue, then a lane. Its stage only
//! moves forward: waiting, sent, done, taken (a task that is run again goes back to waiting). Whoever moves it to done
//! does so once: `finish` says whether it was the one.

use crate::error::TaskError;
use crate::lane::Parked;
use std::os::fd::OwnedFd;
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
}

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
    Done(Answer),
    /// The answer was handed out.
    Taken,
}

/// Who is to be told when the task is done.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    /// The thread that sleeps in `join`.
    pub(crate) thread: Option<Thread>,
    /// Whether that thread will take the answer at once: it sleeps in `join`, not in `wait_first`.
    pub(crate) will_take: bool,
    /// The executor that polls the handle as a future.
    pub(crate) waker: Option<Waker>,
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

    pub(crate) fn listeners(&mut self) -> &mut Listeners {
        self.listeners.get_or_insert_default()
    }
}

/// A task of `submit`.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) id: u64,
    pub(crate) call: u64,
    /// How often it may be run again after its worker died.
    pub(crate) retries: u32,
    pub(crate) priority: i8,
    inner: Mutex<Inner>,
}

impl Cell {
    pub(crate) fn new(id: u64, call: u64, retries: u32, priority: i8, stage: Stage) -> Cell {
        Cell {
            id,
            call,
            retries,
            priority,
            inner: Mutex::new(Inner { stage, listeners: None }),
        }
    }

    /// Nothing panics while it holds this lock, and a stage is always whole: poison says nothing.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.lock().is_done()
    }

    /// Ends the task, unless it has ended, and says who is to be told. `Err` gives the answer back.
    pub(crate) fn finish(&self, answer: Answer) -> Result<Option<Box<Listeners>>, Answer> {
        let mut inner = self.lock();
        if inner.is_done() {
            return Err(answer);
        }
        inner.stage = Stage::Done(answer);
        Ok(inner.listeners.take())
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
