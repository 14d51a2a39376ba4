//! The part of chapter 11: three ways to start a worker, behind one interface.
//!
//! A [`Launcher`] starts workers by one of the three [`StartMethod`]s. Whatever the method, a worker is a child of the
//! program that asked for it, owned by a `wait::Child`, and begins in the same state: it leads a process group, dies
//! with the program, has no signal blocked, ignored or handled, reads `/dev/null` as its standard input, and has the
//! descriptors of its [`Kit`] and no other worker's.
//!
//! Invariant: every process of a launcher is a child of the program. If any of them is killed, at any instant, the
//! program can reap it; if the program is killed, none of them is left.
//!
//! ```no_run
//! use start::{Kit, Launcher};
//!
//! fn worker(kit: Kit) -> i32 {
//!     println!("a worker with the note {:?}", kit.note);
//!     0
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     start::init(worker);
//!     // Only the program comes here.
//!     let mut launcher = Launcher::forkserver("worker")?;
//!     let mut child = launcher.start(&[], b"hello")?;
//!     assert!(child.wait()?.success());
//!     Ok(())
//! }
//! ```
//!
//! # References
//! man 2 clone, "CLONE_PARENT"; man 2 PR_SET_PDEATHSIG; man 2 setpgid; the start methods of Python's multiprocessing.

mod birth;
mod clone;
mod error;
mod init;
mod launcher;
mod message;
mod standard;
mod template;
mod worker;

pub use error::StartError;
pub use init::{init, is_initialized};
pub use launcher::{Launcher, keep_from_templates};
pub use shared::passing::DESCRIPTORS_MAX;
pub use standard::keep_standard_numbers;

use std::fmt;
use std::os::fd::OwnedFd;

/// The longest note that a worker can be given, in bytes.
pub const NOTE_LEN_MAX: usize = 4096;

// ANCHOR: kit
/// How workers are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StartMethod {
    /// Forked from a template, which was forked from the program while it had one thread.
    Fork,
    /// Each worker is this program, executed anew.
    Spawn,
    /// Forked from a server, which is this program executed anew, before its `main`.
    #[default]
    Forkserver,
}

/// What a worker gets.
#[derive(Debug)]
pub struct Kit {
    /// Its descriptors, in the order in which they were given to [`Launcher::start`].
    pub descriptors: Vec<OwnedFd>,
    /// The note that came with them, at most [`NOTE_LEN_MAX`] bytes.
    pub note: Vec<u8>,
}

/// What a worker runs; its result is the exit code, of which 8 bits count.
pub type WorkerMain = fn(Kit) -> i32;
// ANCHOR_END: kit

impl fmt::Display for StartMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StartMethod::Fork => "fork",
            StartMethod::Spawn => "spawn",
            StartMethod::Forkserver => "forkserver",
        })
    }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
