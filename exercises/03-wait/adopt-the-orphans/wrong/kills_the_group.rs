//! ESCAPED_DAEMON: gives the command a group and kills that, and thinks that nobody can leave it.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::wait;
use nix::unistd::Pid;
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
    let mut command = command.process_group(0).spawn()?;
    let group = Pid::from_raw(command.id() as i32);
    let status = command.wait()?;
    match killpg(group, Signal::SIGKILL) {
        // Nobody is left in it.
        Err(Errno::ESRCH) => Ok(status),
        killed => {
            killed?;
            while wait().is_ok() {}
            Ok(status)
        }
    }
}
