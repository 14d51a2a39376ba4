//! STUCK: thought that exit status 127 tells it, and waits for the status.

use std::ffi::CStr;
use std::io::{self, PipeWriter, Read, Write};

use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, execv};

/// Starts the program in the file `path`, with these arguments (the first is its name for itself), and returns its pid
/// as soon as the new process has become the program. The caller waits for its end.
///
/// # Errors
/// The error of `execv` if the new process could not become the program: no such file, no right to execute it, no
/// program in it. No process is left then, not even a zombie. Other errors if there could be no new process.
pub fn start(path: &CStr, args: &[&CStr]) -> io::Result<Pid> {
    let pid = fork::fork(|| become_program(path, args)).map_err(io::Error::other)?;
    match waitpid(pid, None)? {
        WaitStatus::Exited(_, 127) => Err(Errno::ENOENT.into()),
        _ => Ok(pid),
    }
}

/// Returns only if the exec has failed.
fn become_program(path: &CStr, args: &[&CStr]) -> i32 {
    let Err(_) = execv(path, args);
    127
}
