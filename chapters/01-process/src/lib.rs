//! The part of chapter 01: what a process is, read from `/proc`, and how many processors it may use.
//!
//! [`Snapshot`] holds what the kernel says about one process at one moment: parent, state, threads, descriptors,
//! memory. [`cpus`] says how many processors the machine has, how many of them this process may use, and which
//! number to take for a pool; [`available_memory_bytes`] says the same of memory.
//!
//! Invariant: everything here is a copy. A snapshot owns no process and keeps none alive; the process may be gone,
//! and its pid in use again, the moment after.
//!
//! # References
//! man 5 proc; the kernel's Documentation/filesystems/proc.rst; man 7 cgroups; man 2 sched_getaffinity.
#![forbid(unsafe_code)]

mod available;
mod cgroup;
mod cpus;
mod descriptor;
mod error;
mod folder;
#[cfg(test)]
mod machine;
mod memory;
mod snapshot;
mod state;

pub use available::available_memory_bytes;
pub use cgroup::{cgroup_limit, cgroup_processes};
pub use cpus::{Cpus, cpus};
pub use descriptor::{Descriptor, PipeEnd, Target};
pub use error::SnapshotError;
pub use memory::Memory;
pub use snapshot::{Snapshot, Thread};
pub use state::State;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
