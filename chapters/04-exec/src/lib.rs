//! The part of chapter 04: start a program with exactly the descriptors it should have.
//!
//! [`Command`] collects what the program gets; [`Command::spawn`] starts it and reports what
//! went wrong, also if that happened after the child was made. The new program has the standard
//! three descriptors, those that were handed over by number, and no others; an empty signal
//! mask; and default actions for all signals but those that were ignored on purpose.
//!
//! Invariant: all memory that the child needs is laid out before there is a child
//! (`prepare.rs`); between the clone and the exec nothing is allocated, locked or dropped
//! (`child.rs`, `descriptors.rs`, `signals.rs`).
//!
//! # References
//! man 2 execve; man 2 clone, "CLONE_VFORK"; man 2 close_range; man 7 signal-safety.

mod child;
mod command;
mod descriptors;
mod error;
mod prepare;
mod signals;
mod spawn;
mod stack;

pub use command::Command;
pub use error::ExecError;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
