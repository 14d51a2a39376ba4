//! The part of chapter 02: a fork that is safe to call.
//!
//! Plain `fork` is dangerous in three ways: in a program with threads the child inherits locks whose holders it does
//! not have; a child that returns or unwinds runs on into the parent's code; output that was buffered before is
//! written twice. [`fork`] refuses the first and prevents the others.
//!
//! Invariant: in the child no frame of the caller runs on. Its code there is the closure, and what the closure calls;
//! then the child ends by `_exit`.
//!
//! # References
//! man 2 fork; man 2 _exit; man 7 signal-safety; POSIX.1-2024, `fork()`, "Rationale".

mod child;
mod error;
mod threads;

pub use error::ForkError;
pub use nix::unistd::Pid;

use child::{NoWayBack, exit, run_to_end};
use nix::unistd::ForkResult;
use std::io::{self, ErrorKind, Write};

/// The exit code of a child whose closure panicked: that of a Rust program whose `main` panicked.
pub const PANIC_CODE: i32 = 101;

/// Forks, runs `child` in the new process and ends that process with the code that `child` returns.
///
/// The caller gets the pid of a process that is its child and that it has to reap: hand it to `wait::Child::adopt`
/// (chapter 03). Only the low 8 bits of the code reach the parent: -1 becomes 255, and 256 becomes 0, which means
/// success.
///
/// - If `child` panics, the message is printed as usual and the process ends with [`PANIC_CODE`]. A panic that aborts
///   (a second one while the first unwinds, or a program built with `panic = "abort"`) ends it by SIGABRT.
/// - Standard output is flushed before the fork, so nothing is printed twice, and after `child`, so nothing is lost.
///   Other buffers of the caller are copied as they are and never written by the child, because the child leaves by
///   `_exit`: no destructor of the caller's frames and no `atexit` handler runs in it. (If `child` calls
///   `std::process::exit`, it asks for the handlers, and they run.)
/// - What `child` captures by move is in both processes and is dropped in both: in the child when `child` ends, in
///   the caller before this function returns. So a pipe's end that is moved into `child` is closed in the caller. A
///   value whose destructor has an effect outside (a temporary folder, a `BufWriter`) has it twice: lend it instead.
/// - `child` may do anything that the program may do: it has the program's only thread. Threads that it starts and
///   leaves behind end with it; but if one of them holds the lock of standard output, the last flush waits for it.
///
/// # Errors
/// Nothing was forked then. [`ForkError::Threads`] if the program has more than one thread, and still has after two
/// seconds, since a thread that was just joined is counted for a moment longer. [`ForkError::Limit`] if the kernel has
/// no room for one more process. [`ForkError::Os`] for anything else: `/proc` cannot be read, or standard output does
/// not take what was printed.
///
/// # Examples
/// ```standalone_crate
/// use nix::sys::wait::{WaitStatus, waitpid};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pid = fork::fork(|| 7)?;
/// assert_eq!(waitpid(pid, None)?, WaitStatus::Exited(pid, 7));
/// # Ok(())
/// # }
/// ```
///
/// # References
/// man 2 fork; man 2 _exit.
// ANCHOR: fork
pub fn fork<F: FnOnce() -> i32>(child: F) -> Result<Pid, ForkError> {
    threads::expect_one()?;
    flush_stdout().map_err(ForkError::unflushed)?;
    // SAFETY: the program has one thread, which is here, so the child lacks no
    // thread that could hold a lock and may run any code. `expect_one` saw to that,
    // and only this thread could have started another one since.
    unsafe { fork_unchecked(|| run_to_end(child)) }
}

/// Empties the buffer of standard output, unless nobody will ever read it.
fn flush_stdout() -> io::Result<()> {
    match io::stdout().flush() {
        // A pipe without a reader refuses both processes alike: nothing can be
        // printed twice.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        flushed => flushed,
    }
}
// ANCHOR_END: fork

// ANCHOR: fork_unchecked
/// Forks whatever the number of threads, runs `child` in the new process and ends
/// that process with the code that `child` returns. It flushes nothing.
///
/// # Safety
/// In a program with more than one thread `child` may only do what a signal handler
/// may do: no allocation, no lock, no output through `std`, no panic (man 7
/// signal-safety). Everything it needs is made before the call. A panic that
/// `child` lets out ends the process with [`PANIC_CODE`]; nothing is unwound beyond
/// it.
///
/// # Errors
/// As [`fork`], but only what the kernel says: [`ForkError::Limit`], or
/// [`ForkError::Os`].
///
/// # References
/// man 2 fork; man 7 signal-safety.
pub unsafe fn fork_unchecked<F: FnOnce() -> i32>(child: F) -> Result<Pid, ForkError> {
    // SAFETY: the caller promises that `child` does nothing that a copy of one
    // thread may not do. The arms below add only `_exit`, which a signal handler
    // may call.
    match unsafe { nix::unistd::fork() } {
        Ok(ForkResult::Parent { child: pid }) => Ok(pid),
        Ok(ForkResult::Child) => {
            let _no_way_back = NoWayBack;
            exit(child())
        }
        Err(errno) => Err(ForkError::from_errno(errno)),
    }
}
// ANCHOR_END: fork_unchecked

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
