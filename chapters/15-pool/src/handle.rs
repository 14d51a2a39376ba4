//! A task that was submitted, in the hands of who wants its result.

use crate::core::Core;
use crate::error::TaskError;
use crate::task_cell::{Answer, Cell};
use shared::passing;
use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use task::{Message, Outcome, PanicReport};

/// A task's number: unique in its pool, in the order of submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(pub u64);

/// A task that was submitted. Dropping the handle lets the task run.
///
/// It is a [`Future`] too, for any executor.
#[doc(alias = "Future")]
#[doc(alias = "AsyncResult")]
#[must_use = "a handle says whether its task succeeded"]
pub struct JoinHandle<R> {
    /// `None` for a task that was refused before it had a pool.
    core: Option<Arc<Core>>,
    cell: Arc<Cell>,
    result: PhantomData<fn() -> R>,
}

impl<R> JoinHandle<R> {
    pub(crate) fn new(core: Option<Arc<Core>>, cell: Arc<Cell>) -> JoinHandle<R> {
        JoinHandle { core, cell, result: PhantomData }
    }

    /// The task's number.
    pub fn id(&self) -> TaskId {
        TaskId(self.cell.id)
    }

    /// Cancels or aborts from elsewhere while another thread waits in [`JoinHandle::join`].
    pub fn control(&self) -> TaskControl {
        TaskControl { core: self.core.clone(), cell: Arc::clone(&self.cell) }
    }

    /// Whether the task has ended, in whatever way.
    #[doc(alias = "done")]
    #[doc(alias = "ready")]
    pub fn is_finished(&self) -> bool {
        self.control().is_finished()
    }

    /// Whether a worker has begun the task and has not answered.
    #[doc(alias = "running")]
    pub fn is_running(&self) -> bool {
        let Some(core) = &self.core else { return false };
        let mut state = core.lock();
        state.turn();
        let running = state.is_running(&self.cell);
        core.leave(state);
        running
    }

    /// Takes the task back if it has not begun: true means that it never ran and never will.
    pub fn cancel(&self) -> bool {
        self.control().cancel()
    }

    /// Ends the task, running or not: true means that it will end as [`TaskError::Aborted`]. The worker that was running
    /// it is killed and replaced.
    #[doc(alias = "kill")]
    pub fn abort(&self) -> bool {
        self.control().abort()
    }

    /// Waits until one of the handles has finished. They may belong to several pools: then the first pool's bell is not
    /// the one that will ring, so each handle is listened to and the thread sleeps by itself.
    pub(crate) fn wait_any(
        handles: &[JoinHandle<R>],
        deadline: Option<Instant>,
    ) -> Option<usize> {
        let finished = || handles.iter().position(|handle| handle.cell.is_done());
        let (first, others) = handles.split_first()?;
        if let Some(index) = finished() {
            return Some(index);
        }
        let core = first.core.as_ref()?;
        let same = others
            .iter()
            .all(|other| other.core.as_ref().is_some_and(|other| Arc::ptr_eq(other, core)));
        let listen = |thread: &Option<std::thread::Thread>| {
            for handle in handles {
                let mut inner = handle.cell.lock();
                if !inner.is_done() {
                    inner.listeners().thread = thread.clone();
                }
            }
        };
        if same {
            core.wait(deadline, |_| finished().is_some(), |_, thread| listen(&thread));
            return finished();
        }
        loop {
            listen(&Some(std::thread::current()));
            if let Some(index) = finished() {
                return Some(index);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return None;
            }
            crate::core::park(deadline);
        }
    }

    /// Waits until the task has ended. `will_take`: the caller takes the answer then, whatever else happens.
    pub(crate) fn wait(&self, deadline: Option<Instant>, will_take: bool) -> bool {
        if self.cell.is_done() {
            return true;
        }
        let Some(core) = &self.core else { return true };
        core.wait(
            deadline,
            |_| self.cell.is_done(),
            |_, thread| {
                let mut inner = self.cell.lock();
                if !inner.is_done() {
                    inner.listeners().will_take = will_take && thread.is_some();
                    inner.listeners().thread = thread;
                }
            },
        )
    }
}

impl<R: Message> JoinHandle<R> {
    /// Waits for the task and hands out its result.
    ///
    /// # Errors
    /// Why there is none.
    #[doc(alias = "result")]
    #[doc(alias = "get")]
    pub fn join(self) -> Result<R, TaskError> {
        self.wait(None, true);
        self.take()
    }

    /// Waits for at most `timeout`.
    ///
    /// # Errors
    /// The handle, if the task has not ended by then.
    pub fn join_timeout(
        self,
        timeout: Duration,
    ) -> Result<Result<R, TaskError>, JoinHandle<R>> {
        if self.wait(Instant::now().checked_add(timeout), true) {
            Ok(self.take())
        } else {
            Err(self)
        }
    }

    fn take(&self) -> Result<R, TaskError> {
        self.cell.take().map_or(Err(TaskError::Cancelled), decode)
    }
}

impl<R: Message> Future for JoinHandle<R> {
    type Output = Result<R, TaskError>;

    /// # Panics
    /// When it is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let waker = context.waker().clone();
        let mut inner = self.cell.lock();
        if !inner.is_done() {
            let before = inner.listeners().waker.replace(waker);
            drop(inner);
            // Without the lock: what a waker's destructor does is the executor's affair.
            drop(before);
            return Poll::Pending;
        }
        drop(inner);
        let answer = self.cell.take().expect("a finished task was polled again");
        Poll::Ready(decode(answer))
    }
}

impl<R> fmt::Debug for JoinHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.cell.id)
            .field("finished", &self.cell.is_done())
            .finish()
    }
}

/// Cancels or aborts a task; see [`JoinHandle::control`].
#[derive(Clone)]
pub struct TaskControl {
    core: Option<Arc<Core>>,
    cell: Arc<Cell>,
}

impl TaskControl {
    /// See [`JoinHandle::cancel`].
    pub fn cancel(&self) -> bool {
        let Some(core) = &self.core else { return false };
        let mut state = core.lock();
        let cancelled = state.cancel(&self.cell);
        state.turn();
        core.leave(state);
        cancelled
    }

    /// See [`JoinHandle::abort`].
    pub fn abort(&self) -> bool {
        let Some(core) = &self.core else { return false };
        let mut state = core.lock();
        state.turn();
        let aborted = state.abort(&self.cell);
        state.turn();
        core.leave(state);
        aborted
    }

    /// See [`JoinHandle::is_finished`].
    pub fn is_finished(&self) -> bool {
        if let (false, Some(core)) = (self.cell.is_done(), &self.core) {
            let mut state = core.lock();
            state.turn();
            core.leave(state);
        }
        self.cell.is_done()
    }

    /// See [`JoinHandle::id`].
    pub fn id(&self) -> TaskId {
        TaskId(self.cell.id)
    }
}

impl fmt::Debug for TaskControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskControl").field("id", &self.cell.id).finish()
    }
}

/// What the worker answered, as the caller's type.
pub(crate) fn decode<R: Message>(answer: Answer) -> Result<R, TaskError> {
    match answer {
        Answer::Failed(error) => Err(*error),
        Answer::Parked(parked) => {
            let (parked, descriptors) = *parked;
            // SAFETY: `decode` of such a type only copies; any other type is decoded from a copy.
            let bytes = unsafe { parked.bytes() };
            if task::is_copied_whole::<R>() {
                return decode_bytes(Outcome::Returned as u8, bytes, descriptors)
                    .map_err(|error| *error);
            }
            let mut copy = Vec::new();
            if copy.try_reserve_exact(bytes.len()).is_err() {
                let message = format!("there is no memory for its {} bytes", bytes.len());
                return Err(TaskError::Decode {
                    type_name: std::any::type_name::<R>(),
                    message,
                });
            }
            copy.extend_from_slice(bytes);
            drop(parked);
            let bytes = copy;
            decode_bytes(Outcome::Returned as u8, &bytes, descriptors).map_err(|error| *error)
        }
        Answer::Bytes { outcome, bytes, descriptors } => {
            let descriptors = descriptors.map_or_else(Vec::new, <[_]>::into_vec);
            decode_bytes(outcome, &bytes, descriptors).map_err(|error| *error)
        }
    }
}

/// The same for bytes that lie elsewhere. The error is boxed, so that a result is not moved about with room for one.
#[inline]
pub(crate) fn decode_bytes<R: Message>(
    outcome: u8,
    bytes: &[u8],
    descriptors: Vec<OwnedFd>,
) -> Result<R, Box<TaskError>> {
    if outcome != Outcome::Returned as u8 {
        return Err(Box::new(report(outcome, bytes, std::any::type_name::<R>())));
    }
    let decoded = if descriptors.is_empty() {
        task::decode(bytes)
    } else {
        passing::provide(descriptors, || task::decode(bytes))
    };
    decoded.map_err(undecoded)
}

#[cold]
fn undecoded(error: task::CodecError) -> Box<TaskError> {
    Box::new(TaskError::Decode { type_name: error.type_name, message: error.message })
}

#[cold]
fn report(outcome: u8, bytes: &[u8], type_name: &'static str) -> TaskError {
    let Ok(outcome) = Outcome::try_from(outcome) else {
        let message = format!("the worker ended the task with {outcome}, which is no outcome");
        return TaskError::Decode { type_name, message };
    };
    let report = match PanicReport::decode(bytes) {
        Ok(report) => report,
        Err(error) => {
            return TaskError::Decode { type_name: error.type_name, message: error.message };
        }
    };
    let type_name = known_name(report.type_name.as_deref().unwrap_or("a value"));
    match outcome {
        Outcome::DecodeFailed => TaskError::Decode { type_name, message: report.message },
        Outcome::EncodeFailed => TaskError::Encode { type_name, message: report.message },
        Outcome::Panicked | Outcome::Returned => TaskError::Panicked {
            backtrace: report.backtrace(),
            message: report.message,
            location: report.location,
        },
    }
}

/// A type's name for ever: there are only so many types in a program, so only so many names are kept.
fn known_name(name: &str) -> &'static str {
    static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    const NAMES_MAX: usize = 4096;

    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    match known.get(name) {
        Some(known) => known,
        None if known.len() >= NAMES_MAX => "a value",
        None => {
            let kept: &'static str = Box::leak(Box::from(name));
            known.insert(kept);
            kept
        }
    }
}
