//! INHERITED_FD: closed as many as there usually are.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
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
    fork::fork(|| {
        if clean_table(given).is_ok() {
            let _ = execv(path, args);
        }
        127
    })
    .map_err(io::Error::other)
}

/// Leaves descriptors 0, 1, 2 and [`GIVEN`]. For the child.
fn clean_table(given: BorrowedFd<'_>) -> nix::Result<()> {
    if given.as_raw_fd() == GIVEN {
        // `dup2` onto itself does nothing, and close-on-exec would stay.
        fcntl(given, FcntlArg::F_SETFD(FdFlag::empty()))?;
    } else {
        // SAFETY: two numbers. What stands at GIVEN is not used in this process any more.
        Errno::result(unsafe { libc::dup2(given.as_raw_fd(), GIVEN) })?;
    }
    for fd in GIVEN + 1..64 {
        // SAFETY: one number. None of these descriptors is used in this process any more.
        unsafe { libc::close(fd) };
    }
    Ok(())
}
