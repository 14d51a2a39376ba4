//! A program that begins with a table of descriptors that somebody has chosen.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use nix::unistd::{Pid, execv};

/// The number by which the program knows what it is given.
pub const GIVEN: RawFd = 3;

/// Starts the program in the file `path`, with these arguments (the first is its name for itself), and returns its pid. The
/// caller waits for its end.
///
/// The program begins with descriptors 0, 1 and 2 as this process has them, `given` at number [`GIVEN`], and no others.
/// In this process no descriptor is changed.
///
/// # Errors
/// If there can be no new process. One that could not become the program ends with exit status 127.
pub fn start(path: &CStr, args: &[&CStr], given: BorrowedFd<'_>) -> io::Result<Pid> {
    todo!("fork, clean the table in the child, execv")
}
