//! SIGPIPE_DEATH: asks whether the worker is still there, and then writes.

use std::io::{self, Write};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pipe::WriteEnd;
use std::os::fd::AsFd;

/// Writes the lines, each with a line feed, to the worker at the other end of the pipe.
///
/// This is a function of a library. What the program does at SIGPIPE is the program's choice, so it is afterwards as it
/// was before.
///
/// # Errors
/// [`io::ErrorKind::BrokenPipe`] if the worker has ended, so that nobody can read what is written.
pub fn send(lines: &[String], to_worker: &mut WriteEnd) -> io::Result<()> {
    for line in lines {
        let mut worker = [PollFd::new(to_worker.as_fd(), PollFlags::empty())];
        poll(&mut worker, PollTimeout::ZERO)?;
        if worker[0].any() == Some(true) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        to_worker.write_all(format!("{line}\n").as_bytes())?;
    }
    Ok(())
}
