//! The pool as the caller has it: verbs that hand tasks over, and its end.

use crate::builder::Builder;
use crate::core::Core;
use crate::error::{PoolError, SubmitError, TaskError};
use crate::handle::JoinHandle;
use crate::layout::INLINE_BYTES_MAX;
use crate::map::{Map, MapUnordered};
use crate::queue::Waiting;
use crate::shutdown::Summary;
use crate::state::Standing;
use crate::supervisor::Order;
use crate::task_cell::{Answer, Attached, Cell, Payload, Stage};
use serde::Serialize;
use shared::passing;
use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle as Thread;
use task::{Call, Message};

/// Worker processes that run functions of this program.
///
/// Dropping it runs every accepted task to its end first, or kills the workers if the thread is panicking.
#[doc(alias = "ProcessPoolExecutor")]
pub struct Pool {
    pub(crate) core: Arc<Core>,
    pub(crate) retries: u32,
    pub(crate) orders: Mutex<Sender<Order>>,
    /// The supervisor and the background thread.
    pub(crate) threads: Mutex<Vec<Thread<()>>>,
    pub(crate) stop: Arc<AtomicBool>,
    /// Its other end is the supervisor's, and closes when that ends.
    pub(crate) supervisor_end: Mutex<Receiver<()>>,
    /// What was found when the pool ended.
    pub(crate) ended: Mutex<Option<Summary>>,
    pub(crate) name: String,
}

impl Pool {
    /// A pool with the defaults of [`Builder`].
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn new() -> Result<Pool, PoolError> {
        Pool::builder().build()
    }

    /// Options first.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Hands a task over and returns at once, unless as many tasks wait as the queue limit allows: then it waits for
    /// room.
    ///
    /// It never fails by itself: a task that is refused says so at `join`.
    #[doc(alias = "apply_async")]
    pub fn submit<A: Message, R: Message>(&self, f: fn(A) -> R, a: A) -> JoinHandle<R> {
        self.task(f).submit(a)
    }

    /// As [`Pool::submit`], but never waits.
    ///
    /// # Errors
    /// [`SubmitError::Full`] at the queue limit, [`SubmitError::Closed`] after a shutdown; the argument comes back.
    pub fn try_submit<A: Message, R: Message>(
        &self,
        f: fn(A) -> R,
        a: A,
    ) -> Result<JoinHandle<R>, SubmitError<A>> {
        self.task(f).try_submit(a)
    }

    /// Submits a task and waits for it.
    ///
    /// # Errors
    /// Why there is no result.
    #[doc(alias = "apply")]
    pub fn call<A: Message, R: Message>(&self, f: fn(A) -> R, a: A) -> Result<R, TaskError> {
        self.submit(f, a).join()
    }

    /// Runs `f` on every input; the results come in the order of the inputs.
    ///
    /// It starts at the call. Inputs are taken lazily, at most 16,384 and 64 MiB ahead of what was taken out. A panic of
    /// the input iterator unwinds in the caller. Nobody has to choose a chunk size.
    #[doc(alias = "imap")]
    #[doc(alias = "chunksize")]
    pub fn map<A: Message, R: Message, I: IntoIterator<Item = A>>(
        &self,
        f: fn(A) -> R,
        inputs: I,
    ) -> Map<I::IntoIter, A, R> {
        self.task(f).map(inputs)
    }

    /// Runs `f` on every input; the results come as they finish, each with the index of its input.
    #[doc(alias = "imap_unordered")]
    pub fn map_unordered<A: Message, R: Message, I: IntoIterator<Item = A>>(
        &self,
        f: fn(A) -> R,
        inputs: I,
    ) -> MapUnordered<I::IntoIter, A, R> {
        self.task(f).map_unordered(inputs)
    }

    /// A task with options of its own.
    pub fn task<A: Message, R: Message>(&self, f: fn(A) -> R) -> TaskSpec<'_, A, R> {
        TaskSpec { pool: self, f, retries: self.retries, priority: 0 }
    }

    /// Has `n` workers from now on. More: returns when the new ones have shaken hands. Fewer: the leaving ones finish
    /// their task.
    ///
    /// # Errors
    /// [`PoolError::Invalid`] for 0, otherwise why a worker could not be started.
    #[doc(alias = "resize")]
    pub fn scale_to(&self, n: usize) -> Result<(), PoolError> {
        if n == 0 {
            let message = "a pool without workers runs nothing: use `shutdown`".into();
            return Err(PoolError::Invalid { option: "scale_to", message });
        }
        let (answer, answered) = channel();
        self.order(Order::ScaleTo(n, answer));
        answered.recv().unwrap_or_else(|_| {
            let message = "the pool is shut down".into();
            Err(PoolError::Invalid { option: "scale_to", message })
        })
    }

    pub(crate) fn order(&self, order: Order) {
        // A supervisor that is gone has nothing left to do.
        let _ = self.orders.lock().unwrap_or_else(PoisonError::into_inner).send(order);
        self.core.supervisor.wake();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.core.lock();
        f.debug_struct("Pool")
            .field("name", &self.name)
            .field("workers", &state.lanes.len())
            .field("queued", &state.queue.len())
            .field("in_flight", &state.in_flight)
            .finish()
    }
}

/// A function with the options of its tasks; see [`Pool::task`].
#[derive(Debug, Clone, Copy)]
#[must_use = "it does nothing before `submit`, `call` or `map`"]
pub struct TaskSpec<'p, A, R> {
    pool: &'p Pool,
    f: fn(A) -> R,
    retries: u32,
    priority: i8,
}

impl<A: Message, R: Message> TaskSpec<'_, A, R> {
    /// How often the task is run again after its worker died; never after a panic.
    pub fn retries(mut self, n: u32) -> Self {
        self.retries = n;
        self
    }

    /// A higher priority starts first; 0 is the default, and equals start in order.
    pub fn priority(mut self, p: i8) -> Self {
        self.priority = p;
        self
    }

    /// See [`Pool::submit`].
    pub fn submit(self, a: A) -> JoinHandle<R> {
        match self.submit_if(a, true) {
            Ok(handle) => handle,
            // It waits for room, and a closed pool's refusal is in the handle.
            Err(_) => self.refused(self.pool.core.next_id(), TaskError::PoolClosed),
        }
    }

    /// See [`Pool::try_submit`].
    ///
    /// # Errors
    /// [`SubmitError::Full`] at the queue limit, [`SubmitError::Closed`] after a shutdown; the argument comes back.
    pub fn try_submit(self, a: A) -> Result<JoinHandle<R>, SubmitError<A>> {
        self.submit_if(a, false)
    }

    fn submit_if(&self, a: A, may_wait: bool) -> Result<JoinHandle<R>, SubmitError<A>> {
        let core = &self.pool.core;
        let id = core.next_id();
        let call = match Call::of(self.f) {
            Ok(call) => call.to_bits(),
            Err(error) => {
                let type_name = std::any::type_name::<fn(A) -> R>();
                let message = error.to_string();
                return Ok(self.refused(id, TaskError::Encode { type_name, message }));
            }
        };
        if let Some((head, body)) = task::encoded_parts(&a)
            && body.len() > INLINE_BYTES_MAX
            && let Some(handle) = self.submit_in_place(id, call, &head, body)
        {
            return Ok(handle);
        }
        // `Serialize` is the caller's code: it may submit a task of its own, which then needs another buffer.
        let mut bytes = ENCODED.take();
        bytes.clear();
        let result = match encode(&a, &mut bytes) {
            Ok(attached) => {
                let attached: Attached = (!attached.is_empty()).then(|| Box::new(attached));
                // A `SharedSliceMut` is the worker's from here on: its mapping goes before the task is sent. Only
                // a caller who may get the argument back keeps it until the pool has taken the task.
                let argument = if may_wait {
                    drop(a);
                    None
                } else {
                    Some(a)
                };
                self.hand_over(id, call, &bytes, attached, argument)
            }
            Err(error) => Ok(self.refused(id, *error)),
        };
        if bytes.capacity() <= ENCODED_BYTES_KEPT {
            ENCODED.set(bytes);
        }
        result
    }

    /// Copies a large argument straight to where an idle worker will read it. `None`: it has to be queued.
    fn submit_in_place(
        &self,
        id: u64,
        call: u64,
        head: &[u8],
        body: &[u8],
    ) -> Option<JoinHandle<R>> {
        let core = &self.pool.core;
        let mut state = core.lock();
        if state.standing != Standing::Open {
            return None;
        }
        let lent = state.lend_area();
        core.leave(state);
        let (lane, mut area, new) = lent?;
        let len = head.len() + body.len();
        let filled = area.reserve(len).is_ok();
        if filled {
            let room = area.as_ptr().as_ptr();
            // SAFETY: the area has room for both parts, nobody else has it, and neither part lies in it.
            unsafe { room.copy_from_nonoverlapping(head.as_ptr(), head.len()) };
            // SAFETY: the head is not longer than both parts.
            let room = unsafe { room.add(head.len()) };
            // SAFETY: as above, behind the head.
            unsafe { room.copy_from_nonoverlapping(body.as_ptr(), body.len()) };
        }
        let stage = Stage::Waiting(Payload::default());
        let cell = Arc::new(Cell::new(id, call, self.retries, self.priority, stage));
        let mut state = core.lock();
        let sent = state.take_lent(lane, area, new, filled.then_some(len), &cell);
        state.turn();
        core.leave(state);
        sent.then(|| JoinHandle::new(Some(Arc::clone(core)), cell))
    }

    fn hand_over(
        &self,
        id: u64,
        call: u64,
        bytes: &[u8],
        attached: Attached,
        argument: Option<A>,
    ) -> Result<JoinHandle<R>, SubmitError<A>> {
        let core = &self.pool.core;
        let payload = Payload { bytes: bytes.into(), attached };
        let cell = Cell::new(id, call, self.retries, self.priority, Stage::Waiting(payload));
        let cell = Arc::new(cell);
        let mut state = core.lock();
        if state.queue.len() >= core.queue_limit {
            if argument.is_none() {
                state = core.wait_for_room(state);
            } else {
                state.turn();
            }
        }
        let refusal = state.standing.refusal();
        let full = state.queue.len() >= core.queue_limit;
        match (argument, refusal) {
            (None, Some(refusal)) => {
                core.leave(state);
                return Ok(self.refused(id, refusal));
            }
            (Some(argument), Some(_)) => {
                core.leave(state);
                return Err(SubmitError::Closed(argument));
            }
            (Some(argument), None) if full => {
                core.leave(state);
                return Err(SubmitError::Full(argument));
            }
            (_, None) => {}
        }
        state.counts.submitted += 1;
        state
            .queue
            .push_back(self.priority, Waiting::Task { cell: Arc::clone(&cell), deaths: 0 });
        state.submitted();
        core.leave(state);
        Ok(JoinHandle::new(Some(Arc::clone(core)), cell))
    }

    #[cold]
    fn refused(&self, id: u64, error: TaskError) -> JoinHandle<R> {
        let stage = Stage::Done(Answer::failed(error));
        JoinHandle::new(None, Arc::new(Cell::new(id, 0, 0, 0, stage)))
    }

    /// See [`Pool::call`].
    ///
    /// # Errors
    /// Why there is no result.
    pub fn call(self, a: A) -> Result<R, TaskError> {
        self.submit(a).join()
    }

    /// See [`Pool::map`].
    pub fn map<I: IntoIterator<Item = A>>(self, inputs: I) -> Map<I::IntoIter, A, R> {
        Map::new(
            Arc::clone(&self.pool.core),
            self.f,
            inputs.into_iter(),
            self.retries,
            self.priority,
        )
    }

    /// See [`Pool::map_unordered`].
    pub fn map_unordered<I: IntoIterator<Item = A>>(
        self,
        inputs: I,
    ) -> MapUnordered<I::IntoIter, A, R> {
        MapUnordered::new(
            Arc::clone(&self.pool.core),
            self.f,
            inputs.into_iter(),
            self.retries,
            self.priority,
        )
    }
}

/// A larger buffer is not kept for the next argument.
const ENCODED_BYTES_KEPT: usize = 1 << 20;

thread_local! {
    /// The buffer in which the thread's arguments are encoded, without the pool's lock.
    static ENCODED: std::cell::Cell<Vec<u8>> = const { std::cell::Cell::new(Vec::new()) };
}

/// Encodes an argument behind what `bytes` holds; the descriptors that travel with it.
#[inline]
pub(crate) fn encode<A: Serialize + 'static>(
    value: &A,
    bytes: &mut Vec<u8>,
) -> Result<Vec<Arc<OwnedFd>>, Box<TaskError>> {
    let (encoded, attached) = passing::collect(|| task::encode(value, bytes));
    match encoded {
        Ok(()) if attached.len() <= passing::DESCRIPTORS_MAX => Ok(attached),
        Ok(()) => Err(refusal(task::CodecError {
            type_name: std::any::type_name::<A>(),
            message: format!(
                "it has {} shared slices, and {} travel at once",
                attached.len(),
                passing::DESCRIPTORS_MAX
            ),
        })),
        Err(error) => Err(refusal(error)),
    }
}

#[cold]
fn refusal(error: task::CodecError) -> Box<TaskError> {
    Box::new(TaskError::Encode { type_name: error.type_name, message: error.message })
}
