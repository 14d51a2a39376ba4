//! WRONG_ANSWER: returns at the error, and does not come to the line that puts the signal back.

use std::io::{self, Write};

use nix::sys::signal::{SigHandler, Signal, signal};
use pipe::WriteEnd;

/// Writes the lines, each with a line feed, to the worker at the other end of the pipe.
///
/// This is a function of a library. What the program does at SIGPIPE is the program's choice, so it is afterwards as it
/// was before.
///
/// # Errors
/// [`io::ErrorKind::BrokenPipe`] if the worker has ended, so that nobody can read what is written.
pub fn send(lines: &[String], to_worker: &mut WriteEnd) -> io::Result<()> {
    // SAFETY: to ignore a signal makes none of our code run.
    let before = unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) }?;
    let sent = write_lines(lines, to_worker)?;
    // SAFETY: what was in force before is in force again.
    unsafe { signal(Signal::SIGPIPE, before) }?;
    Ok(sent)
}

/// Stops at the first line that is not taken.
fn write_lines(lines: &[String], to_worker: &mut WriteEnd) -> io::Result<()> {
    for line in lines {
        to_worker.write_all(format!("{line}\n").as_bytes())?;
    }
    Ok(())
}
