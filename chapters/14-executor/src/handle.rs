//! A task that was submitted, in the hands of who wants its result.

use crate::error::TaskError;
use crate::pending::{Control, Pending, TaskId};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use task::Message;

/// A task that was submitted. Dropping the handle lets the task run.
///
/// It is a [`Future`] too, for any executor.
#[doc(alias = "Future")]
#[doc(alias = "AsyncResult")]
#[must_use = "a handle says whether its task succeeded"]
pub struct JoinHandle<R> {
    task: Arc<dyn Pending<R>>,
}

impl<R> JoinHandle<R> {
    /// The handle of a backend's task.
    ///
    /// ```
    /// use executor::{Callback, Control, JoinHandle, Pending, Promise, TaskError, TaskId};
    /// use std::{sync::Arc, task::Waker, thread::Thread, time::Instant};
    ///
    /// /// A task that a human does.
    /// struct Asked(Promise<String>);
    ///
    /// impl Control for Asked {
    ///     fn id(&self) -> TaskId { TaskId(1) }
    ///     fn cancel(self: Arc<Self>) -> bool { self.0.fulfil(Err(TaskError::Cancelled)) }
    ///     fn abort(self: Arc<Self>) -> bool { self.0.fulfil(Err(TaskError::Aborted)) }
    ///     fn is_finished(&self) -> bool { self.0.is_done() }
    ///     fn is_running(&self) -> bool { !self.0.is_fulfilled() }
    /// }
    ///
    /// impl Pending<String> for Asked {
    ///     fn is_done(&self) -> bool { self.0.is_done() }
    ///     fn wait(&self, deadline: Option<Instant>, _: bool) -> bool { self.0.wait(deadline) }
    ///     fn take(&self) -> Option<Result<String, TaskError>> { self.0.take() }
    ///     fn wake_when_done(&self, waker: &Waker) -> bool { self.0.wake_when_done(waker) }
    ///     fn unpark_when_done(&self, thread: Option<&Thread>) { self.0.unpark_when_done(thread) }
    ///     fn on_done(&self, callback: Callback<String>) { self.0.on_done(callback) }
    /// }
    ///
    /// let asked = Arc::new(Asked(Promise::new()));
    /// let handle = JoinHandle::new(asked.clone());
    /// asked.0.fulfil(Ok("42".to_owned()));
    /// assert_eq!(handle.join()?, "42");
    /// # Ok::<(), executor::TaskError>(())
    /// ```
    pub fn new(task: Arc<dyn Pending<R>>) -> JoinHandle<R> {
        JoinHandle { task }
    }

    /// The task's number.
    ///
    /// ```
    /// # let pool = executor::ThreadPool::new(1);
    /// let handles = [1, 2].map(|n: u32| pool.submit(|n| n + 1, n));
    /// assert!(handles[0].id() < handles[1].id());
    /// ```
    pub fn id(&self) -> TaskId {
        self.task.id()
    }

    /// Whether the task has ended, in whatever way.
    ///
    /// ```
    /// # let pool = executor::ThreadPool::new(1);
    /// let handle = pool.submit(|n: u32| n + 1, 1);
    /// while !handle.is_finished() {
    ///     std::thread::yield_now();
    /// }
    /// assert_eq!(handle.join()?, 2);
    /// # Ok::<(), executor::TaskError>(())
    /// ```
    #[doc(alias = "done")]
    #[doc(alias = "ready")]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Whether a worker has begun the task and has not answered.
    ///
    /// ```
    /// # let pool = executor::ThreadPool::new(1);
    /// let handle = pool.submit(|ms| std::thread::sleep(std::time::Duration::from_millis(ms)), 50);
    /// while !handle.is_running() {
    ///     std::thread::yield_now();
    /// }
    /// handle.join()?;
    /// # Ok::<(), executor::TaskError>(())
    /// ```
    #[doc(alias = "running")]
    pub fn is_running(&self) -> bool {
        self.task.is_running()
    }

    /// Takes the task back if it has not begun: true means that it never ran and never will.
    ///
    /// ```
    /// # let pool = executor::ThreadPool::new(1);
    /// use executor::TaskError;
    /// use std::time::Duration;
    ///
    /// # let busy =
    /// pool.submit(|()| std::thread::sleep(Duration::from_millis(100)), ());
    /// let behind = pool.submit(|n: u32| n + 1, 1);
    /// assert!(behind.cancel());
    /// assert!(matches!(behind.join(), Err(TaskError::Cancelled)));
    /// # drop(busy);
    /// ```
    pub fn cancel(&self) -> bool {
        Arc::clone(&self.task).cancel()
    }

    /// Ends the task, running or not: true means that it will end as [`TaskError::Aborted`]. The worker that was running
    /// it is killed and replaced. A thread cannot be killed: in a [`ThreadPool`](crate::ThreadPool) only a task that has
    /// not begun is ended.
    ///
    /// ```
    /// # let pool = executor::ThreadPool::new(1);
    /// use executor::TaskError;
    /// use std::time::Duration;
    ///
    /// let running = pool.submit(|()| std::thread::sleep(Duration::from_millis(100)), ());
    /// while !running.is_running() {
    ///     std::thread::yield_now();
    /// }
    /// let waiting = pool.submit(|n: u32| n + 1, 1);
    /// assert!(waiting.abort());
    /// assert!(!running.abort(), "a thread cannot be killed");
    /// assert!(matches!(waiting.join(), Err(TaskError::Aborted)));
    /// ```
    #[doc(alias = "kill")]
    pub fn abort(&self) -> bool {
        Arc::clone(&self.task).abort()
    }

    pub(crate) fn task(&self) -> &dyn Pending<R> {
        &*self.task
    }
}

impl<R: 'static> JoinHandle<R> {
    /// Cancels or aborts from elsewhere while another thread waits in [`JoinHandle::join`].
    ///
    /// ```
    /// # let pool = executor::ThreadPool::new(1);
    /// use std::time::Duration;
    ///
    /// # let busy =
    /// pool.submit(|()| std::thread::sleep(Duration::from_millis(100)), ());
    /// let handle = pool.submit(|n: u32| n + 1, 1);
    /// let control = handle.control();
    /// let canceller = std::thread::spawn(move || control.cancel());
    /// assert!(handle.join().is_err());
    /// assert!(canceller.join().unwrap());
    /// # drop(busy);
    /// ```
    pub fn control(&self) -> TaskControl {
        let task: Arc<dyn Pending<R>> = Arc::clone(&self.task);
        TaskControl { task }
    }
}

impl<R: Message> JoinHandle<R> {
    /// The handle of a task that has ended without having been one: refused, or never sent.
    ///
    /// ```
    /// use executor::{JoinHandle, TaskError, TaskId};
    ///
    /// let handle = JoinHandle::<u32>::ended(TaskId(7), Err(TaskError::PoolClosed));
    /// assert!(matches!(handle.join(), Err(TaskError::PoolClosed)));
    /// ```
    pub fn ended(id: TaskId, result: Result<R, TaskError>) -> JoinHandle<R> {
        JoinHandle::new(Arc::new(crate::pending::Ended::new(id, result)))
    }

    /// Waits for the task and hands out its result.
    ///
    /// # Errors
    /// Why there is none.
    ///
    /// ```
    /// # let pool = executor::ThreadPool::new(1);
    /// assert_eq!(pool.submit(|n: u32| n + 1, 1).join()?, 2);
    /// # Ok::<(), executor::TaskError>(())
    /// ```
    #[doc(alias = "result")]
    #[doc(alias = "get")]
    #[doc(alias = "exception")]
    #[doc(alias = "successful")]
    pub fn join(self) -> Result<R, TaskError> {
        self.task.wait(None, true);
        self.task.take().unwrap_or(Err(TaskError::Cancelled))
    }

    /// Waits for at most `timeout`.
    ///
    /// # Errors
    /// The handle, if the task has not ended by then.
    ///
    /// ```
    /// # let pool = executor::ThreadPool::new(1);
    /// use std::time::Duration;
    ///
    /// let handle = pool.submit(|()| std::thread::sleep(Duration::from_millis(100)), ());
    /// let handle = handle.join_timeout(Duration::from_millis(1)).expect_err("it sleeps");
    /// handle.join()?;
    /// # Ok::<(), executor::TaskError>(())
    /// ```
    #[doc(alias = "TimeoutError")]
    pub fn join_timeout(
        self,
        timeout: Duration,
    ) -> Result<Result<R, TaskError>, JoinHandle<R>> {
        if self.task.wait(Instant::now().checked_add(timeout), true) {
            Ok(self.task.take().unwrap_or(Err(TaskError::Cancelled)))
        } else {
            Err(self)
        }
    }

    /// Runs `f` when the task has ended: before [`JoinHandle::join`] returns, or at once if it has ended already.
    ///
    /// Callbacks of a task run in the order in which they were registered, on a thread of the pool: one that takes long
    /// delays the callbacks of others, never their tasks. A callback may submit tasks and may drop the last handle of
    /// the pool. One that panics harms nothing.
    ///
    /// ```
    /// # let pool = executor::ThreadPool::new(1);
    /// use std::sync::mpsc::channel;
    ///
    /// let (send, results) = channel();
    /// let handle = pool.submit(|n: u32| n + 1, 1);
    /// handle.on_done(move |result| send.send(result.is_ok()).unwrap());
    /// assert_eq!(handle.join()?, 2);
    /// assert!(results.try_recv().unwrap(), "it has run before `join` returned");
    /// # Ok::<(), executor::TaskError>(())
    /// ```
    #[doc(alias = "add_done_callback")]
    #[doc(alias = "callback")]
    #[doc(alias = "error_callback")]
    pub fn on_done(&self, f: impl FnOnce(&Result<R, TaskError>) + Send + 'static) {
        self.task.on_done(Box::new(f));
    }
}

impl<R: Message> Future for JoinHandle<R> {
    type Output = Result<R, TaskError>;

    /// # Panics
    /// When it is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.task.wake_when_done(context.waker()) {
            return Poll::Pending;
        }
        Poll::Ready(self.task.take().expect("a finished task was polled again"))
    }
}

impl<R> fmt::Debug for JoinHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.task.id().0)
            .field("finished", &self.task.is_done())
            .finish()
    }
}

/// Cancels or aborts a task; see [`JoinHandle::control`].
#[derive(Clone)]
pub struct TaskControl {
    task: Arc<dyn Control>,
}

impl TaskControl {
    /// See [`JoinHandle::cancel`].
    pub fn cancel(&self) -> bool {
        Arc::clone(&self.task).cancel()
    }

    /// See [`JoinHandle::abort`].
    pub fn abort(&self) -> bool {
        Arc::clone(&self.task).abort()
    }

    /// See [`JoinHandle::is_finished`].
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// See [`JoinHandle::id`].
    pub fn id(&self) -> TaskId {
        self.task.id()
    }
}

impl fmt::Debug for TaskControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskControl").field("id", &self.task.id().0).finish()
    }
}
