//! STUCK: reaps whatever comes, as an init does, and kills nothing.

use std::io;
use std::process::{Command, ExitStatus};

use nix::sys::wait::wait;
use wait::become_subreaper;

/// Runs `command` to its end and says how it ended. Whatever it has started and not waited for is killed and reaped
/// by then.
///
/// The calling process must have no other children: it could not tell them apart.
///
/// # Errors
/// If the command cannot be started, or something that it left cannot be found or ended.
pub fn run(command: &mut Command) -> io::Result<ExitStatus> {
    become_subreaper().map_err(io::Error::other)?;
    let status = command.status()?;
    while wait().is_ok() {}
    Ok(status)
}
