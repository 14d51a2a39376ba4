//! WRONG_CHILD_REAPED: reaps in a loop until nobody is left, whoever that is.

use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use signal::{Received, Signals};
use wait::{Child, ExitStatus, Pid};

/// Reaps all of `children`, and calls `ended` for each as soon as it has ended.
///
/// `signals` reads SIGCHLD, which was blocked before the first of them was made. The caller may have other children,
/// which also send SIGCHLD when they end, and waits for those itself.
///
/// # Errors
/// If the signals cannot be read or a child cannot be waited for.
pub fn reap_all(
    children: &mut [Child],
    signals: &Signals,
    mut ended: impl FnMut(Pid, ExitStatus),
) -> io::Result<()> {
    let mut left = children.len();
    while left > 0 {
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            let (pid, status) = match status {
                WaitStatus::Exited(pid, code) => (pid, ExitStatus::Exited(code)),
                WaitStatus::Signaled(pid, signal, core_dumped) => {
                    (pid, ExitStatus::Signaled { signal: signal as i32, core_dumped })
                }
                _ => break,
            };
            if children.iter().any(|child| child.pid() == pid) {
                ended(pid, status);
                left -= 1;
            }
        }
        if left > 0 {
            next(signals)?;
        }
    }
    Ok(())
}

/// Sleeps until a signal has come, and reads it.
fn next(signals: &Signals) -> io::Result<Received> {
    loop {
        if let Some(received) = signals.read()? {
            return Ok(received);
        }
        match poll(&mut [PollFd::new(signals.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}
