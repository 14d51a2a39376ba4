//! The part of chapter 09: records of bytes from one process to another, through a ring in shared memory.
//!
//! One [`Producer`] writes records and publishes them in batches; one [`Consumer`] reads them in order and gives back
//! their room in batches. Neither calls the kernel, takes a lock or waits: who has to wait does so with the doorbell of
//! chapter 08.
//!
//! Invariant: whatever the other process writes into the segment, and wherever it dies, what this side does ends, stays
//! inside the ring, and is either a record that was published or an error. [`protocol`] says how; [`memory`] is the one
//! place that turns positions into addresses.
//!
//! # References
//! Leslie Lamport, "Proving the Correctness of Multiprocess Programs", 1977; John Giacomoni, Tipp Moseley and Manish
//! Vachharajani, "FastForward for Efficient Pipeline Parallelism", 2008; man 2 memfd_create.

mod consumer;
mod copy;
mod error;
pub mod layout;
pub mod memory;
mod place;
mod producer;
pub mod protocol;

pub use consumer::{Consumer, Record};
pub use error::{RingError, WriteError};
pub use layout::bytes_for;
pub use place::Position;
pub use producer::Producer;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
