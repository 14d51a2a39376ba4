//! How a pool ends: in good order, sooner, or now, and what it leaves to be told.

use crate::builder::spawn;
use crate::lane::Doom;
use crate::pool::Pool;
use crate::state::{Counts, Standing};
use crate::supervisor::Order;
use executor::{PoolError, Shutdown, Summary, TaskError};
use std::sync::atomic::Ordering;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

impl Pool {
    /// Ends the pool. Past `deadline` it goes on in the next harder way, with the same deadline again. When it returns,
    /// finalizers have run and no process, thread or descriptor of the pool is left. Tasks that are submitted from now
    /// on end [`TaskError::PoolClosed`]. A second call returns what the first one found.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// use procpool::{Shutdown, TaskError};
    /// use std::time::Duration;
    ///
    /// # fn square(n: u64) -> u64 { n * n }
    /// # let pool = procpool::Pool::builder().workers(1).build()?;
    /// let summary = pool.shutdown(Shutdown::Finish, Some(Duration::from_secs(10)))?;
    /// assert_eq!(summary.escalated_to, None);
    /// assert!(matches!(pool.call(square, 7), Err(TaskError::PoolClosed)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`PoolError::Os`] if a thread of the pool itself has panicked; [`PoolError::Invalid`] in a copy of the program that
    /// was made by a fork, which does not touch the pool.
    #[doc(alias = "close")]
    #[doc(alias = "terminate")]
    #[doc(alias = "kill_workers")]
    #[doc(alias = "terminate_workers")]
    pub fn shutdown(
        &self,
        how: Shutdown,
        deadline: Option<Duration>,
    ) -> Result<Summary, PoolError> {
        self.expect_here("shutdown")?;
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(summary) = &*ended {
            return Ok(summary.clone());
        }
        let before = self.core.lock().counts;
        let mut way = how;
        self.begin(way);
        let mut due = due_after(deadline);
        while !self.core.wait(
            due,
            |state| !state.has_work(),
            |state, thread| state.drained = thread,
        ) {
            way = way.harder().unwrap_or(way);
            self.begin(way);
            // A killed worker is gone in moments, whatever the deadline was.
            due = if way == Shutdown::Kill { None } else { due_after(deadline) };
        }
        if way != Shutdown::Kill {
            self.order(Order::Leave);
            let due = due_after(deadline);
            if !self.supervisor_ends(due) {
                way = Shutdown::Kill;
                self.order(Order::Kill);
            }
        }
        let joined = self.join_threads();
        let summary = self.summary(before, (way != how).then_some(way));
        *ended = Some(summary.clone());
        joined.map(|()| summary)
    }

    /// # Errors
    /// The process is a copy of the one that built the pool.
    pub(crate) fn expect_here(&self, option: &'static str) -> Result<(), PoolError> {
        if self.core.is_here() {
            return Ok(());
        }
        Err(PoolError::Invalid { option, message: crate::origin::FOREIGN.into() })
    }

    fn begin(&self, way: Shutdown) {
        let mut state = self.core.lock();
        if state.standing == Standing::Open {
            state.standing = Standing::Closed;
        }
        if way != Shutdown::Finish {
            state.cancel_all(|| TaskError::Cancelled);
        }
        if way == Shutdown::Kill {
            for lane in state.lanes.values_mut() {
                lane.doom.get_or_insert(Doom::Aborted);
            }
        }
        self.core.leave(state);
        self.core.room_for_all();
        if way == Shutdown::Kill {
            self.order(Order::Kill);
        }
    }

    /// Whether the supervisor has ended by then; its end closes the channel.
    fn supervisor_ends(&self, due: Option<Instant>) -> bool {
        let end = self.supervisor_end.lock().unwrap_or_else(PoisonError::into_inner);
        match due {
            None => end.recv().is_err(),
            Some(due) => {
                let left = due.saturating_duration_since(Instant::now());
                end.recv_timeout(left) == Err(RecvTimeoutError::Disconnected)
            }
        }
    }

    fn join_threads(&self) -> Result<(), PoolError> {
        self.stop.store(true, Ordering::SeqCst);
        self.core.wake_background();
        self.core.bell().ring();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let mut whole = true;
        for thread in threads {
            thread.thread().unpark();
            whole &= is_own(&thread) || thread.join().is_ok();
        }
        // The last notes are in the file when this returns.
        let trace = self.core.lock().trace.take();
        drop(trace);
        // Before the callbacks' thread, which may be this one, lets go of its last task.
        self.core.close();
        whole &= self.core.callbacks.end();
        if whole {
            return Ok(());
        }
        let source = std::io::Error::other("a thread of the pool has panicked");
        Err(PoolError::Os { call: "shutdown", source })
    }

    fn summary(&self, before: Counts, escalated_to: Option<Shutdown>) -> Summary {
        let stats = self.stats();
        let now = self.core.lock().counts;
        let mut summary = Summary::default();
        summary.stats = stats;
        summary.finished = now.ended_by_themselves() - before.ended_by_themselves();
        summary.cancelled = now.cancelled - before.cancelled;
        summary.killed = now.aborted - before.aborted;
        summary.escalated_to = escalated_to;
        summary
    }
}

/// Whether it is the calling thread, which cannot wait for its own end.
fn is_own(thread: &JoinHandle<()>) -> bool {
    thread.thread().id() == std::thread::current().id()
}

fn due_after(deadline: Option<Duration>) -> Option<Instant> {
    deadline.and_then(|deadline| Instant::now().checked_add(deadline))
}

impl Drop for Pool {
    fn drop(&mut self) {
        let how = if std::thread::panicking() { Shutdown::Kill } else { Shutdown::Finish };
        let own = self.threads.get_mut().unwrap_or_else(PoisonError::into_inner);
        if !self.core.is_here() {
            // A copy of the program has the pool's memory and not its threads, of which nothing may be touched.
            std::mem::forget(std::mem::take(own));
            return;
        }
        if own.iter().any(is_own) {
            // A waker has dropped it on the thread that the tasks need: another one waits for them.
            let rest = Arc::new(Mutex::new(Some(self.take_over())));
            let taken = Arc::clone(&rest);
            let spawned = spawn("procpool-end", move || drop(take(&taken)));
            if let (Err(_), Some(rest)) = (spawned, take(&rest)) {
                // There is no other thread: the workers go at once, and the supervisor ends with them.
                rest.begin(Shutdown::Kill);
                rest.stop.store(true, Ordering::SeqCst);
                std::mem::forget(rest);
            }
            return;
        }
        // Whoever drops a pool cannot be told.
        let _ = self.shutdown(how, None);
    }
}

fn take(pool: &Mutex<Option<Pool>>) -> Option<Pool> {
    pool.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Pool {
    /// The same pool in another's hands; this one has ended.
    fn take_over(&mut self) -> Pool {
        let ended = Mutex::new(Some(Summary::default()));
        Pool {
            core: Arc::clone(&self.core),
            terms: self.terms,
            orders: std::mem::replace(&mut self.orders, Mutex::new(channel().0)),
            threads: std::mem::take(&mut self.threads),
            stop: Arc::clone(&self.stop),
            supervisor_end: std::mem::replace(
                &mut self.supervisor_end,
                Mutex::new(channel().1),
            ),
            ended: std::mem::replace(&mut self.ended, ended),
            name: std::mem::take(&mut self.name),
        }
    }
}
