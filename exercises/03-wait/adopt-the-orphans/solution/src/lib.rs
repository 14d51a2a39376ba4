//! Runs a command and ends all that it leaves behind.

use std::io;
use std::process::{Command, ExitStatus};

use wait::{Child, become_subreaper, children};

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
    // A process that is ended may leave children of its own, which come here in their turn.
    loop {
        let left = children()?;
        if left.is_empty() {
            return Ok(status);
        }
        for pid in left {
            // Its drop kills and reaps.
            drop(Child::adopt(pid).map_err(io::Error::other)?);
        }
    }
}
