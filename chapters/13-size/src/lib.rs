//! The part of chapter 13: how many workers a pool should have, and how many it can have.
//!
//! How many it *should* have is a matter of the work: [`cpu_bound`] and [`blocking`] answer for the processors that this
//! process may use, and [`throughput`] and [`speedup`] say what to expect. How many it *can* have is a matter of the system:
//! [`limits`] lists what bounds the number of processes here, each with its name, [`room`] says which comes first, and [`refused_by`]
//! which one stands behind an errno.
//!
//! Invariant: everything here is a figure about one moment and owns nothing. A limit, a quota and an affinity mask can
//! change while the program runs.
//!
//! ```
//! let workers = size::blocking(0.9);
//! assert!(workers >= size::cpu_bound());
//! ```
//!
//! # References
//! man 2 getrlimit; man 2 fork, "ERRORS"; man 5 proc_sys_kernel; the kernel's Documentation/admin-guide/cgroup-v2.rst.
#![forbid(unsafe_code)]

mod laws;
mod limits;
mod workload;

pub use laws::{speedup, throughput};
pub use limits::{Cost, Limit, Resource, limits, refused_by, room};
pub use workload::{WORKERS_MAX, Workload, blocking, cpu_bound, recommended_workers};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
