//! ZOMBIE: asks each orphan whether it has ended, without taking the answer, and leaves the dead alone.

use std::io;
use std::process::{Command, ExitStatus};

use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
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
    loop {
        let mut killed = 0;
        for pid in children()? {
            let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
            if waitid(Id::Pid(pid), look)? == WaitStatus::StillAlive {
                drop(Child::adopt(pid).map_err(io::Error::other)?);
                killed += 1;
            }
        }
        if killed == 0 {
            return Ok(status);
        }
    }
}
