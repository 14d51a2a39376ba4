//! The part of chapter 08: how one process sleeps until another has something for it.
//!
//! [`futex`] is the kernel's half of every lock: sleep while a word in memory has a value. [`Doorbell`] makes of it a
//! wait for any condition, by one process, with any number of ringers. [`spin`] looks again and again instead.
//! [`RobustMutex`] is a lock that tells the next owner that the last one died with it.
//!
//! Invariant: whoever waits on a [`Doorbell`] and whose condition has come true before a ring does not stay asleep.
//!
//! With `--cfg loom` the words are those of the model checker loom, the futex is a model of the kernel's, and what
//! needs a segment is left out. `tests/loom.rs` says how to run that.
//!
//! # References
//! man 2 futex; man 7 futex; Ulrich Drepper, "Futexes Are Tricky", 2011.

mod doorbell;
#[cfg(not(loom))]
pub mod futex;
#[cfg(loom)]
pub mod model;
#[cfg(not(loom))]
mod robust;
mod spin;

pub use doorbell::Doorbell;
#[cfg(loom)]
pub use model as futex;
#[cfg(not(loom))]
pub use robust::{Guard, LockError, OwnerDied, RobustMutex, RobustMutexError};
pub use spin::spin;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
