//! The futex of the model checker: what the kernel promises, made of loom's mutex and condition variable.
//!
//! The kernel compares the word and enters the queue of sleepers under one lock, and wakes under the same lock. So
//! does this model. Its sleepers are never woken without a reason, and only by [`wake`]: a wake-up that is lost here
//! leaves all threads asleep, and loom reports the deadlock.
//!
//! Invariant: who has entered the queue leaves it by a wake-up that came later, or never.

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::sync::{Condvar, Mutex, MutexGuard};
use std::io;
use std::time::Duration;

/// The word, and the kernel's queue for it.
#[derive(Debug)]
pub struct Word {
    value: AtomicU32,
    queue: Mutex<Queue>,
    woken: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    sleepers: u32,
    /// Wake-ups that were given to sleepers who have not left yet.
    leaving: u32,
}

/// Why a [`wait`] is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// A [`wake`] ended it.
    Woken,
    /// The word did not have the expected value.
    Changed,
    /// The time was over first: time in the model is over at once.
    TimedOut,
}

impl Word {
    /// A word with a value, and nobody asleep.
    pub fn new(value: u32) -> Word {
        let queue = Mutex::new(Queue::default());
        Word { value: AtomicU32::new(value), queue, woken: Condvar::new() }
    }

    /// As that of an atomic.
    pub fn load(&self, order: Ordering) -> u32 {
        self.value.load(order)
    }

    /// As that of an atomic.
    pub fn store(&self, value: u32, order: Ordering) {
        self.value.store(value, order);
    }

    /// As that of an atomic.
    pub fn swap(&self, value: u32, order: Ordering) -> u32 {
        self.value.swap(value, order)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("no thread of a model panics and goes on")
    }
}

/// Sleeps if `word` has the value `expected`.
///
/// # Errors
/// None; the kernel's has some.
pub fn wait(word: &Word, expected: u32, timeout: Option<Duration>) -> io::Result<Waited> {
    let mut queue = word.queue();
    if word.load(Ordering::Relaxed) != expected {
        return Ok(Waited::Changed);
    }
    if timeout.is_some() {
        return Ok(Waited::TimedOut);
    }
    queue.sleepers += 1;
    while queue.leaving == 0 {
        queue = word.woken.wait(queue).expect("no thread of a model panics and goes on");
    }
    queue.leaving -= 1;
    Ok(Waited::Woken)
}

/// Wakes at most `count` sleepers and returns how many.
pub fn wake(word: &Word, count: u32) -> u32 {
    let mut queue = word.queue();
    let woken = count.min(queue.sleepers);
    queue.sleepers -= woken;
    queue.leaving += woken;
    if woken > 0 {
        word.woken.notify_all();
    }
    woken
}
