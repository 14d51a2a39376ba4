//! The pool as the caller has it: verbs that hand tasks over, and its end.

use crate::builder::Builder;
use crate::core::Core;
use crate::inherited::{Inherited, WithEach, apply};
use crate::layout::INLINE_BYTES_MAX;
use crate::map::{Map, MapUnordered};
use crate::queue::Waiting;
use crate::state::{Stamp, Standing};
use crate::supervisor::Order;
use crate::task_cell::{Attached, Cell, Payload, Stage, Terms, Timeout};
use executor::{
    Executor, JoinHandle, PoolError, Shutdown, SubmitError, Summary, TaskError, TaskId,
};
use serde::Serialize;
use shared::passing;
use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle as Thread;
use std::time::Duration;
use task::{Call, Message};

/// Worker processes that run functions of this program.
///
/// Dropping it runs every accepted task to its end first, or kills the workers if the thread is panicking.
///
/// ```
/// fn length(word: String) -> usize {
///     word.len()
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     # procpool::init_at_load!();
///     procpool::init();
///     let pool = procpool::Pool::builder().workers(2).build()?;
///     let lengths = pool.map(length, ["fork", "to", "pool"].map(String::from));
///     assert_eq!(lengths.collect::<Result<Vec<_>, _>>()?, [4, 2, 4]);
///     Ok(())
/// }
/// ```
///
/// It belongs to the process that built it. In a copy of that process, made by a fork, every verb is refused
/// ([`TaskError::PoolBroken`]), an iterator that was under way ends, and dropping it does nothing.
#[doc(alias = "ProcessPoolExecutor")]
pub struct Pool {
    pub(crate) core: Arc<Core>,
    /// What a task is given that asks for nothing else.
    pub(crate) terms: Terms,
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
    /// ```
    /// # procpool::init_at_load!();
    /// let pool = procpool::Pool::new()?;
    /// println!("{pool:?}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn new() -> Result<Pool, PoolError> {
        Pool::builder().build()
    }

    /// Options first.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// let pool = procpool::Pool::builder().workers(2).name("squares").build()?;
    /// assert_eq!(pool.stats().workers.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Hands a task over and returns at once, unless as many tasks wait as the queue limit allows: then it waits for
    /// room.
    ///
    /// It never fails by itself: a task that is refused says so at `join`.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// fn square(n: u64) -> u64 {
    ///     n * n
    /// }
    ///
    /// # let pool = procpool::Pool::builder().workers(1).build()?;
    /// let handle = pool.submit(square, 7);
    /// // ... something else meanwhile ...
    /// assert_eq!(handle.join()?, 49);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "apply_async")]
    pub fn submit<A: Message, R: Message>(&self, f: fn(A) -> R, a: A) -> JoinHandle<R> {
        self.task(f).submit(a)
    }

    /// As [`Pool::submit`], but never waits.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// use procpool::SubmitError;
    ///
    /// # fn square(n: u64) -> u64 { n * n }
    /// # let pool = procpool::Pool::builder().workers(1).build()?;
    /// match pool.try_submit(square, 7) {
    ///     Ok(handle) => assert_eq!(handle.join()?, 49),
    ///     Err(SubmitError::Full(argument)) => println!("{argument} has to wait"),
    ///     Err(SubmitError::Closed(argument)) => println!("too late for {argument}"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    /// ```
    /// # procpool::init_at_load!();
    /// # fn square(n: u64) -> u64 { n * n }
    /// # let pool = procpool::Pool::builder().workers(1).build()?;
    /// assert_eq!(pool.call(square, 7)?, 49);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// # fn square(n: u64) -> u64 { n * n }
    /// # let pool = procpool::Pool::builder().workers(1).build()?;
    /// let squares: Result<Vec<u64>, _> = pool.map(square, 1..4).collect();
    /// assert_eq!(squares?, [1, 4, 9]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "imap")]
    #[doc(alias = "chunksize")]
    #[doc(alias = "map_async")]
    #[doc(alias = "starmap")]
    #[doc(alias = "starmap_async")]
    #[doc(alias = "buffersize")]
    pub fn map<A: Message, R: Message, I: IntoIterator<Item = A>>(
        &self,
        f: fn(A) -> R,
        inputs: I,
    ) -> Map<I::IntoIter, A, R> {
        self.task(f).map(inputs)
    }

    /// Runs `f` on every input; the results come as they finish, each with the index of its input.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// # fn square(n: u64) -> u64 { n * n }
    /// # let pool = procpool::Pool::builder().workers(1).build()?;
    /// for (index, result) in pool.map_unordered(square, [10, 20, 30]) {
    ///     println!("input {index}: {}", result?);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "imap_unordered")]
    pub fn map_unordered<A: Message, R: Message, I: IntoIterator<Item = A>>(
        &self,
        f: fn(A) -> R,
        inputs: I,
    ) -> MapUnordered<I::IntoIter, A, R> {
        self.task(f).map_unordered(inputs)
    }

    /// As [`Pool::submit`], for a closure that the workers have inherited.
    ///
    /// See [`Builder::inherit`](crate::Builder::inherit) for an example.
    pub fn submit_inherited<A: Message, R: Message>(
        &self,
        f: Inherited<A, R>,
        a: A,
    ) -> JoinHandle<R> {
        self.submit(apply::<A, R>, f.with(a))
    }

    /// As [`Pool::map`], for a closure that the workers have inherited.
    ///
    /// See [`Builder::inherit`](crate::Builder::inherit) for how a closure gets there.
    pub fn map_inherited<A: Message, R: Message, I: IntoIterator<Item = A>>(
        &self,
        f: Inherited<A, R>,
        inputs: I,
    ) -> Map<WithEach<I::IntoIter>, (u64, A), R> {
        self.map(apply::<A, R>, f.with_each(inputs.into_iter()))
    }

    /// A task with options of its own.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// use std::time::Duration;
    ///
    /// # fn square(n: u64) -> u64 { n * n }
    /// # let pool = procpool::Pool::builder().workers(1).build()?;
    /// let limit = Duration::from_secs(5);
    /// assert_eq!(pool.task(square).timeout(limit).retries(2).priority(10).call(7)?, 49);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn task<A: Message, R: Message>(&self, f: fn(A) -> R) -> TaskSpec<'_, A, R> {
        TaskSpec { pool: self, f, terms: self.terms }
    }

    /// Has `n` workers from now on. More: returns when the new ones have shaken hands. Fewer: the leaving ones finish
    /// their task.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// # let pool = procpool::Pool::builder().workers(1).build()?;
    /// pool.scale_to(3)?;
    /// assert_eq!(pool.stats().workers.len(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`PoolError::Invalid`] for 0, otherwise why a worker could not be started.
    #[doc(alias = "resize")]
    pub fn scale_to(&self, n: usize) -> Result<(), PoolError> {
        self.expect_here("scale_to")?;
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
        self.core.wake_supervisor();
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
    terms: Terms,
}

impl<A: Message, R: Message> TaskSpec<'_, A, R> {
    /// How often the task is run again after its worker died; never after a panic.
    ///
    /// It is sent the same argument again, but a [`SharedSliceMut`](crate::SharedSliceMut) in it holds what the dead worker
    /// has written.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// # fn square(n: u64) -> u64 { n * n }
    /// # let pool = procpool::Pool::builder().workers(1).build()?;
    /// assert_eq!(pool.task(square).retries(3).call(7)?, 49);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn retries(mut self, n: u32) -> Self {
        self.terms.retries = n;
        self
    }

    /// The task is killed, with its worker, when it has run for longer: [`TaskError::TimedOut`]. The time until it starts
    /// does not count.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// use procpool::TaskError;
    /// use std::time::Duration;
    ///
    /// fn for_ever(_: ()) {
    ///     loop {}
    /// }
    ///
    /// # let pool = procpool::Pool::builder().workers(1).build()?;
    /// let limited = pool.task(for_ever).timeout(Duration::from_millis(20));
    /// assert!(matches!(limited.call(()), Err(TaskError::TimedOut { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn timeout(mut self, d: Duration) -> Self {
        self.terms.timeout = Some(limit_ns(d));
        self
    }

    /// A higher priority starts first; 0 is the default, and equals start in order.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// # fn square(n: u64) -> u64 { n * n }
    /// # let pool = procpool::Pool::builder().workers(1).build()?;
    /// let urgent = pool.task(square).priority(10).submit(7);
    /// let whenever = pool.task(square).priority(-10).submit(8);
    /// assert_eq!(urgent.join()? + whenever.join()?, 113);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn priority(mut self, p: i8) -> Self {
        self.terms.priority = p;
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
        let stamp = Stamp::now(false);
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
        let cell = Arc::new(Cell::new(Arc::clone(core), id, call, self.terms, stage));
        cell.set_stamp(stamp);
        let mut state = core.lock();
        let sent = state.take_lent(lane, area, new, filled.then_some(len), &cell);
        state.turn();
        core.leave(state);
        sent.then(|| JoinHandle::new(cell))
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
        let stage = Stage::Waiting(payload);
        let cell = Arc::new(Cell::new(Arc::clone(core), id, call, self.terms, stage));
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
        cell.set_stamp(state.stamp());
        state.queue.push_back(
            self.terms.priority,
            Waiting::Task { cell: Arc::clone(&cell), deaths: 0 },
        );
        state.submitted(self.terms.priority);
        core.leave(state);
        Ok(JoinHandle::new(cell))
    }

    #[cold]
    fn refused(&self, id: u64, error: TaskError) -> JoinHandle<R> {
        JoinHandle::ended(TaskId(id), Err(error))
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
        Map::new(Arc::clone(&self.pool.core), self.f, inputs.into_iter(), self.terms)
    }

    /// See [`Pool::map_unordered`].
    pub fn map_unordered<I: IntoIterator<Item = A>>(
        self,
        inputs: I,
    ) -> MapUnordered<I::IntoIter, A, R> {
        MapUnordered::new(Arc::clone(&self.pool.core), self.f, inputs.into_iter(), self.terms)
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

/// A time limit as a number; nobody waits for centuries, and a limit of zero is the shortest there is.
pub(crate) fn limit_ns(limit: Duration) -> Timeout {
    let ns = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
    Timeout::new(ns).unwrap_or(Timeout::MIN)
}

impl Executor for Pool {
    fn submit<A: Message, R: Message>(&self, f: fn(A) -> R, a: A) -> JoinHandle<R> {
        Pool::submit(self, f, a)
    }

    fn map<A: Message, R: Message, I: IntoIterator<Item = A>>(
        &self,
        f: fn(A) -> R,
        inputs: I,
    ) -> impl Iterator<Item = Result<R, TaskError>> {
        Pool::map(self, f, inputs)
    }

    fn map_unordered<A: Message, R: Message, I: IntoIterator<Item = A>>(
        &self,
        f: fn(A) -> R,
        inputs: I,
    ) -> impl Iterator<Item = (usize, Result<R, TaskError>)> {
        Pool::map_unordered(self, f, inputs)
    }

    fn shutdown(
        &self,
        how: Shutdown,
        deadline: Option<Duration>,
    ) -> Result<Summary, PoolError> {
        Pool::shutdown(self, how, deadline)
    }
}
