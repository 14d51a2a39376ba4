//! CHILD_RAN_PARENT_CODE: returned the error from the child, and thought that the parent gets it.

use std::ffi::CStr;
use std::io;

use nix::errno::Errno;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, execv, fork};

/// Starts the program in the file `path`, with these arguments (the first is its name for itself), and returns its pid
/// as soon as the new process has become the program. The caller waits for its end.
///
/// # Errors
/// The error of `execv` if the new process could not become the program: no such file, no right to execute it, no
/// program in it. No process is left then, not even a zombie. Other errors if there could be no new process.
pub fn start(path: &CStr, args: &[&CStr]) -> io::Result<Pid> {
    // SAFETY: this program has one thread.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            let Err(errno) = execv(path, args);
            Err(errno.into())
        }
    }
}
