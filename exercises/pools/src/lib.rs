//! A small pool of processes that is right, and the same pool with one fault.
//!
//! In the exercises over this crate you write the test. It is given a pool and does not know which one. [`Version`] names
//! the pools: three that are right, and for each exercise twelve that are not.
//!
//! The pool has no thread of its own: it works inside the calls of its methods. A worker is a process with two pipes.
//! It reads a task, says that it has begun, does it, and writes the answer. So the parent knows at each death whether
//! the task had begun.
//!
//! Invariant: in a right version each task that was taken has exactly one outcome, and whatever was made for the pool is
//! gone when it is dropped.
#![forbid(unsafe_code)]

mod finishes;
mod pool;
pub mod program;
mod task;
mod version;
mod worker;

pub use finishes::finishes;
pub use nix::unistd::Pid;
pub use pool::{Closed, Id, Pool};
pub use task::{Failure, Outcome, Task};
pub use version::Version;
