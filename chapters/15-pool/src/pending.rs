//! A task of `submit` as its handle sees it.

use crate::core::Core;
use crate::result::decode;
use crate::task_cell::{Answer, Cell};
use executor::{Callback, Control, Pending, TaskError, TaskId, Waiter};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;
use std::thread::Thread;
use std::time::Instant;
use task::Message;

impl Control for Cell {
    fn id(&self) -> TaskId {
        TaskId(self.id)
    }

    fn cancel(self: Arc<Self>) -> bool {
        self.lose_in_a_copy();
        let mut state = self.core.lock();
        let cancelled = state.cancel(&self);
        state.turn();
        self.core.leave(state);
        cancelled
    }

    fn abort(self: Arc<Self>) -> bool {
        self.lose_in_a_copy();
        let mut state = self.core.lock();
        state.turn();
        let aborted = state.abort(&self);
        state.turn();
        self.core.leave(state);
        aborted
    }

    fn is_finished(&self) -> bool {
        self.lose_in_a_copy();
        if !self.is_done() {
            let mut state = self.core.lock();
            state.turn();
            self.core.leave(state);
        }
        self.is_done()
    }

    fn is_running(&self) -> bool {
        let mut state = self.core.lock();
        state.turn();
        let running = state.is_running(self);
        self.core.leave(state);
        running
    }
}

impl<R: Message> Pending<R> for Cell {
    fn is_done(&self) -> bool {
        self.lose_in_a_copy();
        Cell::is_done(self)
    }

    fn wait(&self, deadline: Option<Instant>, will_take: bool) -> bool {
        self.lose_in_a_copy();
        if self.is_done() {
            return true;
        }
        self.core.wait(
            deadline,
            |_| self.is_done(),
            |_, thread| {
                let mut inner = self.lock();
                if !inner.is_done() {
                    inner.listeners().will_take = will_take && thread.is_some();
                    inner.listeners().thread = thread;
                }
            },
        )
    }

    fn take(&self) -> Option<Result<R, TaskError>> {
        Cell::take(self).map(decode)
    }

    fn wake_when_done(&self, waker: &Waker) -> bool {
        self.lose_in_a_copy();
        let mut inner = self.lock();
        if inner.is_done() {
            return false;
        }
        let before = inner.listeners().waker.replace(waker.clone());
        drop(inner);
        // Without the lock: what a waker's destructor does is the executor's affair.
        drop(before);
        true
    }

    fn unpark_when_done(&self, thread: Option<&Thread>) {
        let mut inner = self.lock();
        if !inner.is_done() {
            inner.listeners().thread = thread.cloned();
        }
    }

    fn on_done(&self, callback: Callback<R>) {
        self.lose_in_a_copy();
        if self.core.is_here() {
            self.core.callbacks.begin();
        }
        Cell::on_done(
            self,
            Box::new(move |answer| {
                let result: Result<R, TaskError> = decode(answer);
                // It is the caller's code on a thread of the pool: a panic there harms nobody here.
                let _ = catch_unwind(AssertUnwindSafe(|| callback(&result)));
                Answer::Decoded(Box::new(result))
            }),
        );
    }

    fn waiter(&self) -> Option<&dyn Waiter> {
        Some(&*self.core)
    }
}

impl Waiter for Core {
    fn wait_until(
        &self,
        deadline: Option<Instant>,
        done: &mut dyn FnMut() -> bool,
        listen: &mut dyn FnMut(Option<&Thread>),
    ) -> bool {
        self.wait(deadline, |_| done(), |_, thread| listen(thread.as_ref()))
    }
}
