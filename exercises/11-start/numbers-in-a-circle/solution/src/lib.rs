//! A worker that is executed, and finds what it is given under numbers that it knows.

use std::ffi::CStr;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::unistd::{Pid, execv};

/// Where the worker finds the first of its descriptors. The others follow.
pub const FIRST: RawFd = 3;

/// Starts the program in the file `path`, with these arguments (the first is its name for itself), and returns its pid. The
/// caller waits for its end.
///
/// The program has what is given, in this order, as [`FIRST`], `FIRST + 1` and so on. Everything that the caller has open
/// beside 0, 1 and 2 has close-on-exec, so it has no more than that. In the caller no descriptor and no flag is changed.
///
/// # Errors
/// If there can be no new process. One that could not become the program ends with exit status 127.
pub fn start(path: &CStr, args: &[&CStr], given: &[BorrowedFd<'_>]) -> io::Result<Pid> {
    // Between fork and exec nothing is allocated.
    let mut copies = Vec::with_capacity(given.len());
    fork::fork(|| {
        if place(given, &mut copies).is_ok() {
            let _ = execv(path, args);
        }
        127
    })
    .map_err(io::Error::other)
}

/// Puts what is given where the program looks for it. For the child.
fn place(given: &[BorrowedFd<'_>], copies: &mut Vec<RawFd>) -> nix::Result<()> {
    let beyond = FIRST + given.len() as RawFd;
    // All of them out of the way first: then no number is wanted that is still needed. The exec closes these copies.
    for descriptor in given {
        copies.push(fcntl(descriptor, FcntlArg::F_DUPFD_CLOEXEC(beyond))?);
    }
    for (number, copy) in (FIRST..).zip(copies) {
        // SAFETY: two numbers. What had the second one has a copy, or is not needed.
        Errno::result(unsafe { libc::dup2(*copy, number) })?;
    }
    Ok(())
}
