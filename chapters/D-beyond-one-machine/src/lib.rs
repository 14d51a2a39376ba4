//! The crate of appendix D: the processes of several machines behind the [`Executor`](executor::Executor) of chapter 14.
//!
//! A [`Cluster`] hands tasks to the hosts through NATS JetStream, a queue that keeps each of them until a host has
//! acknowledged it. On each host an agent ([`node`]) runs them in a [`procpool::Pool`]. All run the same executable, so a
//! task is a pair of distances and its argument, as it is between processes.
//!
//! Invariant: the caller keeps every task until it holds an answer to it. A task may therefore run more than once, on more
//! than one host; its outcome is told once.
//!
//! # References
//! The documentation of NATS, "JetStream"; Saltzer, Reed and Clark, "End-to-end arguments in system design" (1984);
//! Waldo and others, "A note on distributed computing" (1994).

mod cluster;
mod connection;
mod engine;
mod error;
mod job;
#[doc(hidden)]
pub mod lab;
mod ledger;
mod map;
mod names;
pub mod node;
mod options;
mod pace;
mod stats;
mod store;
mod stream;
mod wire;

pub use cluster::Cluster;
pub use error::{ConnectError, Failure};
pub use map::{ClusterFeed, Map, MapUnordered};
pub use node::init;
pub use options::{Access, ClusterOptions, Storage};
pub use stats::{ClusterStats, HostStats};
