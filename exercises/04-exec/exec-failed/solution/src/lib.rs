//! Starting a program, and learning whether it was started.

use std::ffi::CStr;
use std::io::{self, PipeWriter, Read, Write};

use nix::errno::Errno;
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, execv};

/// Starts the program in the file `path`, with these arguments (the first is its name for itself), and returns its pid
/// as soon as the new process has become the program. The caller waits for its end.
///
/// # Errors
/// The error of `execv` if the new process could not become the program: no such file, no right to execute it, no
/// program in it. No process is left then, not even a zombie. Other errors if there could be no new process.
pub fn start(path: &CStr, args: &[&CStr]) -> io::Result<Pid> {
    // Both ends have close-on-exec. The write end is moved to the child, so this process does not hold it.
    let (mut reader, writer) = io::pipe()?;
    let pid =
        fork::fork(move || become_program(path, args, writer)).map_err(io::Error::other)?;

    let mut report = Vec::new();
    reader.read_to_end(&mut report)?;
    match <[u8; 4]>::try_from(report) {
        Ok(errno) => {
            while waitpid(pid, None) == Err(Errno::EINTR) {}
            Err(io::Error::from_raw_os_error(i32::from_ne_bytes(errno)))
        }
        // The end without a word: exec has closed the write end.
        Err(_) => Ok(pid),
    }
}

/// Returns only if the exec has failed.
fn become_program(path: &CStr, args: &[&CStr], mut writer: PipeWriter) -> i32 {
    let Err(errno) = execv(path, args);
    // If the parent is gone, nobody wants to know.
    let _ = writer.write_all(&(errno as i32).to_ne_bytes());
    127
}
