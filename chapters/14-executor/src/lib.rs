//! The part of chapter 14: one interface over whatever runs tasks.
//!
//! An [`Executor`] takes a function and an argument and hands out a [`JoinHandle`]: the promise of a result, to be
//! joined by a thread, polled as a future, cancelled or aborted. What runs the task is behind it: a [`ThreadPool`] here,
//! the processes of the finished pool, the machines of a cluster.
//!
//! Invariant: every task ends in exactly one outcome, once; what was registered with [`JoinHandle::on_done`] has run
//! when `join` returns.
//!
//! # References
//! Baker and Hewitt, "The Incremental Garbage Collection of Processes" (1977), for the future; Python's
//! `concurrent.futures`; the documentation of `std::future::Future`.
#![forbid(unsafe_code)]

mod answered;
mod error;
mod handle;
mod interface;
mod map;
mod pending;
mod promise;
mod stats;
mod tally;
mod threads;
mod wait_many;

pub use answered::answered;
pub use error::{Evidence, PoolError, SubmitError, TaskError};
pub use handle::{JoinHandle, TaskControl};
pub use interface::{Executor, Shutdown, Summary};
pub use map::{Feed, LazyMap, LazyMapUnordered};
pub use pending::{Callback, Control, Pending, TaskId, Waiter};
pub use promise::Promise;
pub use stats::{Histogram, Stats, WorkerState, WorkerStats};
pub use tally::Tally;
pub use task::Message;
pub use threads::{ThreadFeed, ThreadMap, ThreadMapUnordered, ThreadPool};
pub use wait::ExitStatus;
pub use wait_many::{AsCompleted, as_completed, wait_all, wait_first};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
