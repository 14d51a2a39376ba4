//! A task in the caller: from the verb that hands it over to its answer.
//!
//! Owner: the handle and the cluster share it. It moves one way: waiting, sent, ended. While it waits its argument is
//! here and it can be taken back; once it is in a chunk only an answer, or an abort, ends it.

use crate::engine::{Order, Shared};
use crate::error::Failure;
use crate::wire::{FAILED, Failed, read_small};
use bytes::Bytes;
use executor::{Callback, Control, Pending, Promise, TaskError, TaskId};
use std::any::type_name;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::Thread;
use std::time::Instant;
use task::Message;

/// What came of a task, before it is the caller's type.
#[derive(Debug)]
pub(crate) enum Done {
    /// A host has answered.
    Answer {
        outcome: u8,
        bytes: Bytes,
        host: Arc<str>,
    },
    Lost(Failure),
    Cancelled,
    Aborted,
}

/// A task whose types nobody needs to know.
pub(crate) trait Job: Send + Sync {
    /// [`task::Call::to_bits`].
    fn call(&self) -> u64;

    /// The length of the argument, in bytes.
    fn argument_len(&self) -> usize;

    /// Whether it has neither been sent nor ended.
    fn is_waiting(&self) -> bool;

    /// Takes the argument, for the task is about to be sent in this chunk. `None`: it has ended before.
    fn send(&self, chunk: u64, index: u32) -> Option<Bytes>;

    /// Ends it. The caller's own code runs here: what decodes the result, and what waits for it.
    fn end(&self, done: Done);
}

/// A task whose result is an `R`.
pub(crate) struct Remote<R> {
    pub(crate) id: TaskId,
    call: u64,
    argument_len: usize,
    stage: Mutex<Stage>,
    promise: Promise<R>,
    shared: Arc<Shared>,
}

enum Stage {
    Waiting(Bytes),
    Sent { chunk: u64, index: u32 },
    Ended,
}

impl<R: Message> Remote<R> {
    pub(crate) fn new(
        id: TaskId,
        call: u64,
        argument: Bytes,
        shared: Arc<Shared>,
    ) -> Remote<R> {
        let argument_len = argument.len();
        let stage = Mutex::new(Stage::Waiting(argument));
        Remote { id, call, argument_len, stage, promise: Promise::new(), shared }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the task, if nobody has: what its stage was.
    fn end_once(&self) -> Option<Stage> {
        let before = std::mem::replace(&mut *self.stage(), Stage::Ended);
        match before {
            Stage::Ended => return None,
            Stage::Waiting(_) => self.shared.ended_waiting(),
            Stage::Sent { .. } => {}
        }
        Some(before)
    }

    /// Counted first, so that whoever has the result finds it in the counts.
    fn finish(&self, result: Result<R, TaskError>) {
        self.shared.task_ended(crate::stats::Kind::of(&result));
        self.promise.fulfil(result);
    }
}

impl<R: Message> Job for Remote<R> {
    fn call(&self) -> u64 {
        self.call
    }

    fn argument_len(&self) -> usize {
        self.argument_len
    }

    fn is_waiting(&self) -> bool {
        matches!(*self.stage(), Stage::Waiting(_))
    }

    fn send(&self, chunk: u64, index: u32) -> Option<Bytes> {
        let mut stage = self.stage();
        match std::mem::replace(&mut *stage, Stage::Sent { chunk, index }) {
            Stage::Waiting(argument) => {
                self.shared.sent_waiting();
                Some(argument)
            }
            // It goes into another chunk; the argument is in the bytes of the first one.
            Stage::Sent { .. } => Some(Bytes::new()),
            Stage::Ended => {
                *stage = Stage::Ended;
                None
            }
        }
    }

    fn end(&self, done: Done) {
        if self.end_once().is_none() {
            return;
        }
        let result = match done {
            Done::Answer { outcome: FAILED, bytes, host } => Err(failed::<R>(&bytes, &host)),
            Done::Answer { outcome, bytes, .. } => {
                // `Deserialize` is the caller's code: its panic is this task's affair.
                let decoded =
                    catch_unwind(AssertUnwindSafe(|| executor::answered::<R>(outcome, &bytes)));
                decoded.unwrap_or_else(|_| Err(undecoded::<R>("its `Deserialize` panicked")))
            }
            Done::Lost(failure) => Err(failure.into()),
            Done::Cancelled => Err(TaskError::Cancelled),
            Done::Aborted => Err(TaskError::Aborted),
        };
        self.finish(result);
    }
}

fn undecoded<R>(message: &str) -> TaskError {
    TaskError::Decode { type_name: type_name::<R>(), message: message.to_owned() }
}

fn failed<R>(bytes: &[u8], host: &str) -> TaskError {
    match read_small::<Failed>(bytes) {
        Some(Failed::TooLarge { bytes, limit }) => Failure::PayloadTooLarge {
            what: format!("the result, of type {},", type_name::<R>()),
            bytes,
            limit,
        }
        .into(),
        Some(failed) => failed
            .into_error(host)
            .unwrap_or_else(|| undecoded::<R>("its argument was lost on the way")),
        None => undecoded::<R>("the host's answer cannot be read"),
    }
}

impl<R: Message> Control for Remote<R> {
    fn id(&self) -> TaskId {
        self.id
    }

    /// True only while the task has not left this program: nobody knows whether another machine has begun it.
    fn cancel(self: Arc<Self>) -> bool {
        let mut stage = self.stage();
        if !matches!(*stage, Stage::Waiting(_)) {
            return false;
        }
        *stage = Stage::Ended;
        drop(stage);
        self.shared.ended_waiting();
        self.finish(Err(TaskError::Cancelled));
        true
    }

    fn abort(self: Arc<Self>) -> bool {
        let Some(before) = self.end_once() else { return false };
        if let Stage::Sent { chunk, index } = before {
            self.shared.order(Order::Abort { chunk, index });
        }
        self.finish(Err(TaskError::Aborted));
        true
    }

    fn is_finished(&self) -> bool {
        self.promise.is_done()
    }

    /// Whether it was handed to the servers and has not ended.
    fn is_running(&self) -> bool {
        matches!(*self.stage(), Stage::Sent { .. })
    }
}

impl<R: Message> Pending<R> for Remote<R> {
    fn is_done(&self) -> bool {
        self.promise.is_done()
    }

    fn wait(&self, deadline: Option<Instant>, _: bool) -> bool {
        self.promise.wait(deadline)
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
}
