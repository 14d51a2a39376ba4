//! The part of chapter 03: a child that is owned.
//!
//! A [`Child`] holds a pidfd, which names one process for ever, where a pid names whoever has the number now. It is
//! waited for, killed and dropped through that descriptor, so none of this can hit a stranger.
//!
//! Invariant: a `Child` that was not waited for is a process that this one has still to reap; when it is dropped, the
//! process is gone and reaped, unless it has become another user's (see [`Child`], "Dropping").
//!
//! ```no_run
//! use std::time::Duration;
//! use wait::{Child, Signal};
//!
//! # fn work() -> i32 { 0 }
//! let mut child = Child::fork(work)?;
//! let status = match child.wait_timeout(Duration::from_secs(5))? {
//!     Some(status) => status,
//!     None => {
//!         child.kill(Signal::SIGKILL)?;
//!         child.wait()?
//!     }
//! };
//! println!("process {}: {status}", child.pid());
//! # Ok::<(), wait::ChildError>(())
//! ```
//!
//! # References
//! man 2 pidfd_open; man 2 waitid; man 2 pidfd_send_signal; man 2 pr_set_child_subreaper.

mod child;
mod error;
mod status;
mod subreaper;
mod syscall;
mod usage;

pub use child::Child;
pub use error::ChildError;
pub use nix::sys::signal::Signal;
pub use nix::unistd::Pid;
pub use status::ExitStatus;
pub use subreaper::{become_subreaper, children};
pub use usage::Usage;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
