//! Runs what was registered with `on_done`, on a thread of its own.
//!
//! A callback is the caller's code: it may wait for another task, or for the end of the whole pool. On the thread that
//! takes the answers it would wait for itself. The thread is started with the first callback; it ends when the pool has,
//! after the last callback.

use crate::core::Core;
use crate::task_cell::Cell;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// The thread, once there is one.
#[derive(Debug, Default)]
pub(crate) struct Callbacks(Mutex<Option<Running>>);

type Running = (Sender<Arc<Cell>>, JoinHandle<()>);

impl Callbacks {
    /// Makes sure that there is a thread. If it cannot be had, whoever took the answer runs the callbacks.
    pub(crate) fn begin(&self) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.is_some() {
            return;
        }
        let (sender, receiver) = channel::<Arc<Cell>>();
        let thread = crate::builder::spawn("procpool-done", move || {
            for cell in receiver {
                tell(&cell);
            }
        });
        *inner = thread.ok().map(|thread| (sender, thread));
    }

    /// Has the callbacks of this task run. It must be called without the pool's lock.
    pub(crate) fn run(&self, cell: Arc<Cell>) {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unsent = match &*inner {
            Some((sender, _)) => sender.send(cell).err().map(|error| error.0),
            None => Some(cell),
        };
        drop(inner);
        if let Some(cell) = unsent {
            tell(&cell);
        }
    }

    /// Waits until the last callback has run. A callback that ends the pool does not wait for itself.
    pub(crate) fn end(&self) -> bool {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((sender, thread)) = inner else { return true };
        drop(sender);
        thread.thread().id() == std::thread::current().id() || thread.join().is_ok()
    }
}

fn tell(cell: &Arc<Cell>) {
    if let Some(listeners) = cell.tell() {
        let core: &Core = &cell.core;
        let mut state = core.lock();
        state.tell(*listeners);
        core.leave(state);
    }
}
