//! Asks a worker process for a number.

use std::io::{self, PipeWriter, Read, pipe};
use std::os::fd::{IntoRawFd, RawFd};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::close;
use wait::Child;

/// The longest answer, in bytes.
const LINE_LEN_MAX: usize = 16;

/// Runs `worker` in a child process, and returns the number that it writes to its pipe, in a line.
///
/// A worker that has answered ends by itself, and with code 0 if all went well.
///
/// # Errors
/// If the answer is too long or no number, or if the worker ends in another way. It is over by then.
pub fn ask(worker: impl FnOnce(PipeWriter) -> i32) -> io::Result<u32> {
    let (reader, writer) = pipe()?;
    let reader = reader.into_raw_fd();
    let child = fork::fork(move || worker(writer)).map_err(io::Error::other)?;

    let line = read_line(reader)?;
    let number = line.parse().map_err(io::Error::other)?;

    let status = waitpid(child, None)?;
    if status != WaitStatus::Exited(child, 0) {
        return Err(io::Error::other(format!("the worker has failed: {status:?}")));
    }
    close(reader)?;
    Ok(number)
}

/// Reads up to a line feed or the end.
fn read_line(reader: RawFd) -> io::Result<String> {
    let mut line = String::new();
    loop {
        let mut byte = 0_u8;
        // SAFETY: one byte may be written to `byte`.
        match unsafe { libc::read(reader, (&raw mut byte).cast(), 1) } {
            1 if byte == b'\n' => return Ok(line),
            1 if line.len() == LINE_LEN_MAX => return Err(io::Error::other("too long")),
            1 => line.push(char::from(byte)),
            0 => return Ok(line),
            _ => return Err(io::Error::last_os_error()),
        }
    }
}
