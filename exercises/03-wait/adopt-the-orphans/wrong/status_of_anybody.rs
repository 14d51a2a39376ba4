//! WRONG_ANSWER: waits for everything and takes the status that comes last for the command's.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, wait};
use wait::{become_subreaper, children};

/// Runs `command` to its end and says how it ended. Whatever it has started and not waited for is killed and reaped
/// by then.
///
/// The calling process must have no other children: it could not tell them apart.
///
/// # Errors
/// If the command cannot be started, or something that it left cannot be found or ended.
pub fn run(command: &mut Command) -> io::Result<ExitStatus> {
    become_subreaper().map_err(io::Error::other)?;
    drop(command.spawn()?);
    let mut status = ExitStatus::default();
    while let Ok(ended) = wait() {
        status = match ended {
            WaitStatus::Exited(_, code) => ExitStatus::from_raw(code << 8),
            WaitStatus::Signaled(_, signal, _) => ExitStatus::from_raw(signal as i32),
            _ => status,
        };
        for pid in children()? {
            kill(pid, Signal::SIGKILL)?;
        }
    }
    Ok(status)
}
