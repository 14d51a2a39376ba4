//! A pool of threads with the interface of the pool of processes.
//!
//! For work that waits more than it computes, and for the tests of a program that runs on processes otherwise. What a
//! thread cannot do, it does not pretend: a task that has begun runs to its end, and one that ends the process ends the
//! program.
//!
//! A worker that waits for a task of its own pool runs other tasks meanwhile, so tasks that submit tasks and join them
//! do not block each other, however few workers there are.
//!
//! Invariant: a task is in the queue, run by one thread, or ended; the queue is empty when the last worker leaves.

mod map;
mod task;

use crate::error::{PoolError, TaskError};
use crate::handle::JoinHandle;
use crate::interface::{Executor, Shutdown, Summary};
use crate::pending::{TaskId, Waiter};
use crate::stats::{Stats, WorkerState, WorkerStats};
use crate::tally::Tally;
use ::task::Message;
use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

pub use map::{ThreadFeed, ThreadMap, ThreadMapUnordered};
use task::{Job, Task};

/// Threads that run tasks.
///
/// ```
/// use executor::ThreadPool;
///
/// fn length(word: String) -> usize {
///     word.len()
/// }
///
/// let pool = ThreadPool::new(2);
/// assert_eq!(pool.call(length, "fork".into()).unwrap(), 4);
/// let lengths: Result<Vec<_>, _> = pool.map(length, ["a".into(), "bc".into()]).collect();
/// assert_eq!(lengths.unwrap(), [1, 2]);
/// ```
///
/// Dropping it runs every accepted task to its end first; while the thread is panicking, it drops what has not started.
#[doc(alias = "ThreadPoolExecutor")]
pub struct ThreadPool {
    shared: Arc<Shared>,
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
    ended: Mutex<Option<Summary>>,
}

/// What the pool, its workers and its tasks have in common.
struct Shared {
    state: Mutex<State>,
    /// Workers sleep here when the queue is empty.
    work: Condvar,
    /// Who shuts the pool down sleeps here until nothing is left.
    drained: Condvar,
    next_id: AtomicU64,
}

struct State {
    queue: VecDeque<Arc<dyn Job>>,
    is_open: bool,
    /// How many tasks are being run.
    running: usize,
    stats: Stats,
    workers: Vec<WorkerStats>,
    runs: Tally,
    waits: Tally,
}

thread_local! {
    /// Which pool this thread works for.
    static WORKS_FOR: Cell<*const Shared> = const { Cell::new(ptr::null()) };
}

impl ThreadPool {
    /// A pool of so many threads.
    ///
    /// # Panics
    /// If `workers` is 0, or if the system has no room for so many threads.
    ///
    /// ```
    /// let pool = executor::ThreadPool::new(4);
    /// assert_eq!(pool.stats().workers.len(), 4);
    /// ```
    #[doc(alias = "max_workers")]
    pub fn new(workers: usize) -> ThreadPool {
        assert!(workers > 0, "a pool needs at least 1 worker");
        ::task::catch_panics();
        let state = State {
            queue: VecDeque::new(),
            is_open: true,
            running: 0,
            stats: Stats::default(),
            runs: Tally::default(),
            waits: Tally::default(),
            workers: vec![
                WorkerStats { state: WorkerState::Idle, ..WorkerStats::default() };
                workers
            ],
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            work: Condvar::new(),
            drained: Condvar::new(),
            next_id: AtomicU64::new(1),
        });
        let pool = ThreadPool {
            shared,
            threads: Mutex::new(Vec::with_capacity(workers)),
            ended: Mutex::new(None),
        };
        for number in 0..workers {
            let shared = Arc::clone(&pool.shared);
            let thread = thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || shared.work(number));
            match thread {
                Ok(thread) => pool.threads().push(thread),
                // The pool's drop ends the threads that there are.
                Err(error) => panic!("thread {number} of {workers} cannot be started: {error}"),
            }
        }
        pool
    }

    /// Hands a task over and returns at once. A task that is refused says so at `join`.
    ///
    /// ```
    /// # let pool = executor::ThreadPool::new(1);
    /// let handle = pool.submit(|word: String| word.len(), "pool".to_owned());
    /// assert_eq!(handle.join()?, 4);
    /// # Ok::<(), executor::TaskError>(())
    /// ```
    #[doc(alias = "apply_async")]
    pub fn submit<A: Message, R: Message>(&self, f: fn(A) -> R, a: A) -> JoinHandle<R> {
        let id = TaskId(self.shared.next_id.fetch_add(1, Ordering::Relaxed));
        let task = Arc::new(Task::new(id, Arc::clone(&self.shared), f, a));
        let mut state = self.shared.lock();
        if !state.is_open {
            drop(state);
            return JoinHandle::ended(id, Err(TaskError::PoolClosed));
        }
        state.stats.submitted += 1;
        state.stats.queued += 1;
        state.queue.push_back(Arc::clone(&task) as Arc<dyn Job>);
        drop(state);
        self.shared.work.notify_one();
        JoinHandle::new(task)
    }

    /// Submits a task and waits for it.
    ///
    /// # Errors
    /// Why there is no result.
    ///
    /// ```
    /// # let pool = executor::ThreadPool::new(1);
    /// assert_eq!(pool.call(|n: u32| n + 1, 1)?, 2);
    /// # Ok::<(), executor::TaskError>(())
    /// ```
    pub fn call<A: Message, R: Message>(&self, f: fn(A) -> R, a: A) -> Result<R, TaskError> {
        self.submit(f, a).join()
    }

    /// Runs `f` on every input; the results come in the order of the inputs. Inputs are taken lazily, a few for each
    /// worker ahead of what was taken out. Dropping the iterator cancels what has not started.
    ///
    /// ```
    /// # let pool = executor::ThreadPool::new(1);
    /// let squares: Result<Vec<u32>, _> = pool.map(|n| n * n, 1..4).collect();
    /// assert_eq!(squares?, [1, 4, 9]);
    /// # Ok::<(), executor::TaskError>(())
    /// ```
    #[doc(alias = "imap")]
    pub fn map<A: Message, R: Message, I: IntoIterator<Item = A>>(
        &self,
        f: fn(A) -> R,
        inputs: I,
    ) -> ThreadMap<'_, I::IntoIter, A, R> {
        ThreadMap::new(ThreadFeed::new(self, f), inputs.into_iter())
    }

    /// Runs `f` on every input; the results come as they finish, each with the index of its input.
    ///
    /// ```
    /// # let pool = executor::ThreadPool::new(1);
    /// for (index, result) in pool.map_unordered(|n: usize| n * n, 0..10) {
    ///     assert_eq!(result?, index * index);
    /// }
    /// # Ok::<(), executor::TaskError>(())
    /// ```
    #[doc(alias = "imap_unordered")]
    pub fn map_unordered<A: Message, R: Message, I: IntoIterator<Item = A>>(
        &self,
        f: fn(A) -> R,
        inputs: I,
    ) -> ThreadMapUnordered<'_, I::IntoIter, A, R> {
        ThreadMapUnordered::new(ThreadFeed::new(self, f), inputs.into_iter())
    }

    /// A consistent snapshot. A task is counted before its `join` returns. A thread has no process id, memory or
    /// processor time of its own here: those are 0.
    ///
    /// ```
    /// # let pool = executor::ThreadPool::new(1);
    /// pool.call(|n: u32| n + 1, 1)?;
    /// let stats = pool.stats();
    /// assert_eq!((stats.submitted, stats.completed), (1, 1));
    /// # Ok::<(), executor::TaskError>(())
    /// ```
    pub fn stats(&self) -> Stats {
        let state = self.shared.lock();
        let mut stats = state.stats.clone();
        stats.running = state.running;
        stats.workers.clone_from(&state.workers);
        stats.run = state.runs.summary(state.runs.tasks());
        stats.wait = state.waits.summary(state.waits.tasks());
        stats
    }

    /// Ends the pool. Past `deadline` it goes on in the next harder way, with the same deadline again. A thread cannot
    /// be killed: [`Shutdown::Kill`] drops what has not started and waits for what runs, at most until the deadline; what
    /// still runs then ends by itself later. A second call returns what the first one found.
    ///
    /// A task or callback of the pool itself that calls this does not wait for tasks that others run.
    ///
    /// # Errors
    /// [`PoolError::Os`] if a worker has panicked outside of a task.
    ///
    /// ```
    /// # let pool = executor::ThreadPool::new(1);
    /// use executor::{Shutdown, TaskError};
    ///
    /// pool.shutdown(Shutdown::Finish, None)?;
    /// assert!(matches!(pool.call(|n: u32| n + 1, 1), Err(TaskError::PoolClosed)));
    /// # Ok::<(), executor::PoolError>(())
    /// ```
    pub fn shutdown(
        &self,
        how: Shutdown,
        deadline: Option<Duration>,
    ) -> Result<Summary, PoolError> {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(summary) = &*ended {
            return Ok(summary.clone());
        }
        let before = self.stats();
        let mut way = how;
        self.shared.close(way);
        if self.shared.is_own() {
            while self.shared.help() {}
        } else {
            while !self.shared.wait_drained(deadline) {
                let Some(harder) = way.harder() else { break };
                way = harder;
                self.shared.close(way);
            }
        }
        let mut whole = true;
        for thread in std::mem::take(&mut *self.threads()) {
            // What still runs, or waits for this very call, ends by itself.
            if !self.shared.is_own() && self.shared.lock().is_drained() {
                whole &= thread.join().is_ok();
            }
        }
        let stats = self.stats();
        let ended_by_themselves = |stats: &Stats| stats.completed + stats.panicked;
        let summary = Summary {
            finished: ended_by_themselves(&stats) - ended_by_themselves(&before),
            cancelled: stats.cancelled - before.cancelled,
            killed: 0,
            escalated_to: (way != how).then_some(way),
            stats,
        };
        *ended = Some(summary.clone());
        if whole {
            return Ok(summary);
        }
        let source = std::io::Error::other("a thread of the pool has panicked");
        Err(PoolError::Os { call: "shutdown", source })
    }

    fn threads(&self) -> MutexGuard<'_, Vec<thread::JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// No task runs under this lock, so nothing of the caller's can have poisoned it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread of the pool runs.
    fn work(self: &Arc<Self>, number: usize) {
        WORKS_FOR.set(Arc::as_ptr(self));
        let mut state = self.lock();
        loop {
            let Some(job) = state.queue.pop_front() else {
                if !state.is_open {
                    return;
                }
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.workers[number].state = WorkerState::Running;
            drop(state);
            let begun = Instant::now();
            let ran = job.run();
            drop(job);
            state = self.lock();
            let worker = &mut state.workers[number];
            worker.state = WorkerState::Idle;
            if ran {
                worker.tasks += 1;
                worker.busy += begun.elapsed();
            }
        }
    }

    /// A task that waited for so long is run from now on.
    fn begun(&self, waited: Duration) {
        let mut state = self.lock();
        state.waits.record(nanoseconds(waited), 1);
        state.stats.queued -= 1;
        state.running += 1;
    }

    /// A task has ended, after it has run for so long or without having run: `count` adds it up.
    fn ended(&self, ran: Option<Duration>, count: impl FnOnce(&mut Stats)) {
        let mut state = self.lock();
        if let Some(ran) = ran {
            state.running -= 1;
            state.runs.record(nanoseconds(ran), 1);
        } else {
            state.stats.queued -= 1;
        }
        count(&mut state.stats);
        if state.is_drained() {
            self.drained.notify_all();
        }
    }

    /// Whether the calling thread is one of the pool's.
    fn is_own(&self) -> bool {
        ptr::eq(WORKS_FOR.get(), self)
    }

    // ANCHOR: help
    /// Runs one task of the queue on a worker that would wait otherwise; false if there is none.
    fn help(&self) -> bool {
        let mut state = self.lock();
        let Some(job) = state.queue.pop_front() else { return false };
        drop(state);
        job.run();
        true
    }
    // ANCHOR_END: help

    fn close(&self, way: Shutdown) {
        let mut state = self.lock();
        state.is_open = false;
        let dropped = match way {
            Shutdown::Finish => VecDeque::new(),
            Shutdown::Cancel | Shutdown::Kill => std::mem::take(&mut state.queue),
        };
        drop(state);
        self.work.notify_all();
        // Without the lock: callbacks of these tasks may run now.
        for job in dropped {
            job.cancel();
        }
        self.drained.notify_all();
    }

    fn wait_drained(&self, deadline: Option<Duration>) -> bool {
        let due = deadline.and_then(|deadline| Instant::now().checked_add(deadline));
        let mut state = self.lock();
        while !state.is_drained() {
            state = match due.map(|due| due.saturating_duration_since(Instant::now())) {
                None => self.drained.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return false,
                Some(left) => {
                    self.drained
                        .wait_timeout(state, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
        true
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl State {
    /// Whether every accepted task has ended.
    fn is_drained(&self) -> bool {
        self.running == 0 && self.stats.queued == 0
    }
}

impl Waiter for Shared {
    fn wait_until(
        &self,
        deadline: Option<Instant>,
        done: &mut dyn FnMut() -> bool,
        listen: &mut dyn FnMut(Option<&Thread>),
    ) -> bool {
        let own = thread::current();
        loop {
            listen(Some(&own));
            if done() {
                listen(None);
                return true;
            }
            let left = deadline.map(|due| due.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                listen(None);
                return false;
            }
            if self.is_own() && self.help() {
                continue;
            }
            match left {
                None => thread::park(),
                Some(left) => thread::park_timeout(left),
            }
        }
    }
}

impl Executor for ThreadPool {
    fn submit<A: Message, R: Message>(&self, f: fn(A) -> R, a: A) -> JoinHandle<R> {
        ThreadPool::submit(self, f, a)
    }

    fn map<A: Message, R: Message, I: IntoIterator<Item = A>>(
        &self,
        f: fn(A) -> R,
        inputs: I,
    ) -> impl Iterator<Item = Result<R, TaskError>> {
        ThreadPool::map(self, f, inputs)
    }

    fn map_unordered<A: Message, R: Message, I: IntoIterator<Item = A>>(
        &self,
        f: fn(A) -> R,
        inputs: I,
    ) -> impl Iterator<Item = (usize, Result<R, TaskError>)> {
        ThreadPool::map_unordered(self, f, inputs)
    }

    fn shutdown(
        &self,
        how: Shutdown,
        deadline: Option<Duration>,
    ) -> Result<Summary, PoolError> {
        ThreadPool::shutdown(self, how, deadline)
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        let how = if thread::panicking() { Shutdown::Cancel } else { Shutdown::Finish };
        if self.shared.is_own() {
            // A task or a callback has dropped it: the workers finish the queue and leave.
            return self.shared.close(how);
        }
        // Whoever drops a pool cannot be told.
        let _ = self.shutdown(how, None);
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.lock();
        f.debug_struct("ThreadPool")
            .field("workers", &state.workers.len())
            .field("queued", &state.stats.queued)
            .field("running", &state.running)
            .finish()
    }
}
