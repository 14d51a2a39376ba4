//! The numbers 0, 1 and 2, kept for what programs take them for.
//!
//! A program may have closed its standard input, output or error. The next descriptor that it opens gets the number, and
//! whatever prints then writes into it. Of a launcher or a pool, that would be a socket to a worker.
//!
//! Rust's runtime puts `/dev/null` in their place when a program starts. This does the same for those that were closed
//! since, and leaves them: taking them away again would be a race with every other thread that opens something.
//!
//! # References
//! man 2 open, "the lowest-numbered file descriptor not currently open"; man 3 stdin.

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::ffi::c_int;
use std::os::fd::{AsRawFd, IntoRawFd};

/// Puts `/dev/null` in the place of each standard descriptor that is closed. If none is, that is three short system
/// calls.
///
/// Where `/dev/null` cannot be opened, for want of descriptors for example, nothing is done: what the caller opens next
/// says why.
pub fn keep_standard_numbers() {
    while (0..=2).any(is_closed) {
        // Not close-on-exec, as every standard descriptor: a process that is started later keeps it.
        match open("/dev/null", OFlag::O_RDWR, Mode::empty()) {
            Ok(descriptor) if descriptor.as_raw_fd() <= 2 => {
                let _kept = descriptor.into_raw_fd();
            }
            // Another thread was faster, or there is nothing to put there.
            _ => return,
        }
    }
}

fn is_closed(number: c_int) -> bool {
    // SAFETY: asking for the flags of a number touches no memory, and is refused for a number that is not open.
    unsafe { libc::fcntl(number, libc::F_GETFD) == -1 }
}
