//! A word of 32 bits on which processes agree: the operations of an atomic number, and the two calls of a futex.
//!
//! In a program of processes the word lies in shared memory, and each of the two calls passes a gate before it, or every
//! operation does: so the grader can hold a process between a look and its sleep. The number of processes that a wake-up
//! has woken is told. In [`orders`](crate::orders) the same code runs on words of a model, where every operation is one step.
//!
//! Invariant: every operation is sequentially consistent, so that the order of the steps is all that matters.
//!
//! # References
//! man 2 futex.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use crate::orders::{Operation, Turns};

/// The two calls of the kernel, which this crate does not make itself.
#[derive(Debug, Clone, Copy)]
pub struct Futex {
    /// Sleeps if the word has that value.
    pub wait: fn(&AtomicU32, u32),
    /// Wakes at most so many who sleep on the word, and returns how many it woke.
    pub wake: fn(&AtomicU32, u32) -> u32,
}

/// A word of memory that several processes read and write, and on which they can sleep.
#[derive(Debug)]
pub struct Word<'a>(Access<'a>);

#[derive(Debug)]
enum Access<'a> {
    Memory { name: &'static str, word: &'a AtomicU32, futex: Futex, is_stepwise: bool },
    Model { index: usize, thread: usize, turns: &'a Turns },
}

impl<'a> Word<'a> {
    /// A word of shared memory. Its gates are called `wait NAME` and `wake NAME`; what is told is called `woken NAME`.
    pub fn in_memory(name: &'static str, word: &'a AtomicU32, futex: Futex) -> Word<'a> {
        Word(Access::Memory { name, word, futex, is_stepwise: false })
    }

    /// As [`in_memory`](Self::in_memory), and every operation passes a gate `step NAME` before it.
    pub fn stepwise(name: &'static str, word: &'a AtomicU32, futex: Futex) -> Word<'a> {
        Word(Access::Memory { name, word, futex, is_stepwise: true })
    }

    pub(crate) fn in_model(index: usize, thread: usize, turns: &'a Turns) -> Word<'a> {
        Word(Access::Model { index, thread, turns })
    }

    fn step(&self, operation: Operation, real: impl FnOnce(&AtomicU32) -> u32) -> u32 {
        match &self.0 {
            Access::Memory { name, word, is_stepwise, .. } => {
                if *is_stepwise {
                    crate::pass(&format!("step {name}"));
                }
                real(word)
            }
            Access::Model { index, thread, turns } => turns.step(*thread, *index, operation),
        }
    }

    /// Its value.
    pub fn load(&self) -> u32 {
        self.step(Operation::Load, |word| word.load(SeqCst))
    }

    /// Sets it.
    pub fn store(&self, value: u32) {
        self.step(Operation::Store(value), |word| {
            word.store(value, SeqCst);
            value
        });
    }

    /// Sets it, and returns what it was.
    pub fn swap(&self, value: u32) -> u32 {
        self.step(Operation::Swap(value), |word| word.swap(value, SeqCst))
    }

    /// Sets it to `new` if it is `current`, in one step. `Ok` if it was set; either way with what it was.
    ///
    /// # Errors
    /// What it was, if that was not `current`.
    pub fn compare_exchange(&self, current: u32, new: u32) -> Result<u32, u32> {
        let was = self.step(Operation::CompareExchange(current, new), |word| {
            word.compare_exchange(current, new, SeqCst, SeqCst).unwrap_or_else(|was| was)
        });
        if was == current { Ok(was) } else { Err(was) }
    }

    /// Adds to it, and returns what it was. Behind the largest number comes 0.
    pub fn fetch_add(&self, value: u32) -> u32 {
        self.step(Operation::Add(value), |word| word.fetch_add(value, SeqCst))
    }

    /// Takes from it, and returns what it was. Below 0 comes the largest number.
    pub fn fetch_sub(&self, value: u32) -> u32 {
        self.step(Operation::Sub(value), |word| word.fetch_sub(value, SeqCst))
    }

    /// Sleeps if it is `expected`, until a [`wake`](Self::wake) finds the sleeper. Comparing and falling asleep are one
    /// step. Returns at once if it is something else. May return for no reason, so look again.
    pub fn wait(&self, expected: u32) {
        if let Access::Memory { name, is_stepwise: false, .. } = self.0 {
            crate::pass(&format!("wait {name}"));
        }
        self.step(Operation::Wait(expected), |word| {
            if let Access::Memory { futex, .. } = self.0 {
                (futex.wait)(word, expected);
            }
            0
        });
    }

    /// Wakes at most `count` of those who sleep on it, and returns how many it woke. Who falls asleep later is not woken.
    pub fn wake(&self, count: u32) -> u32 {
        if let Access::Memory { name, is_stepwise: false, .. } = self.0 {
            crate::pass(&format!("wake {name}"));
        }
        self.step(Operation::Wake(count), |word| {
            let Access::Memory { name, futex, .. } = self.0 else { return 0 };
            let woken = (futex.wake)(word, count);
            crate::tell(&format!("woken {name}"), woken);
            woken
        })
    }
}
