//! LOST_WAKEUP: thought of those who wait for items, and not of those who wait for room.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A queue with room for so many items, between threads that put in and threads that take out.
pub struct Queue<T> {
    capacity: usize,
    state: Mutex<State<T>>,
    /// Rung when there is room.
    room: Condvar,
    /// Rung when there is an item.
    item: Condvar,
}

struct State<T> {
    items: VecDeque<T>,
    is_closed: bool,
}

impl<T> Queue<T> {
    /// An empty one.
    pub fn with_capacity(capacity: usize) -> Queue<T> {
        let state = State { items: VecDeque::new(), is_closed: false };
        Queue { capacity, state: Mutex::new(state), room: Condvar::new(), item: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room, and puts an item in.
    ///
    /// # Errors
    /// The item itself, if the queue is closed, also if that happens while this waits.
    pub fn push(&self, item: T) -> Result<(), T> {
        let mut state = self.lock();
        while !state.is_closed && state.items.len() == self.capacity {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_closed {
            return Err(item);
        }
        state.items.push_back(item);
        self.item.notify_one();
        Ok(())
    }

    /// Waits for an item, and takes the oldest one out. `None` if the queue is closed and empty.
    pub fn pop(&self) -> Option<T> {
        let mut state = self.lock();
        while !state.is_closed && state.items.is_empty() {
            state = self.item.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let item = state.items.pop_front();
        self.room.notify_one();
        item
    }

    /// Lets nothing more in. What is in can still be taken out. Everybody who waits goes on.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.item.notify_all();
    }
}
