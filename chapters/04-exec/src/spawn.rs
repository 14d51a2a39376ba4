//! The parent's side: lend the memory to a child, wait for its exec, hear what went wrong.
//!
//! Invariant: when `spawn` returns an error, the child has ended and is reaped, and no
//! descriptor is left.

use crate::child::{self, REPORT_LEN, Step};
use crate::error::ExecError;
use crate::prepare::{Prepared, move_above};
use crate::signals::Blocked;
use crate::stack::Stack;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::{Pid, pipe2, read};
use std::ffi::c_void;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use wait::Child;

// ANCHOR: spawn
/// Starts the program, and returns its `Child` once the exec has happened.
pub(crate) fn spawn(prepared: &Prepared) -> Result<Child, ExecError> {
    // Non-blocking, because when `clone_vfork` returns the child has written or never will. A
    // read that waited for the end would also wait for any process that another thread forked
    // in between, which holds a copy of the write end.
    let (errors, error_pipe) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)
        .map_err(|errno| ExecError::new("pipe2", errno))?;
    let error_pipe = move_above(error_pipe, prepared.above)?;

    let (pid, pidfd) = clone_vfork(prepared, &error_pipe)?;
    drop(error_pipe);
    let report = read_report(&errors);
    drop(errors);

    let Some((step, errno)) = report else {
        return Child::from_pidfd(pid, pidfd).map_err(ExecError::not_owned);
    };
    reap(&pidfd);
    Err(match step {
        Some(Step::Exec) => {
            ExecError::Exec { path: prepared.path.clone(), source: errno.into() }
        }
        Some(step) => ExecError::new(step.call(), errno),
        None => ExecError::new("clone", errno),
    })
}
// ANCHOR_END: spawn

/// What the child wrote before it gave up; `None` if it became the program, or was killed
/// before it could.
fn read_report(errors: &OwnedFd) -> Option<(Option<Step>, Errno)> {
    let mut report = [0; REPORT_LEN];
    let len = loop {
        match read(errors, &mut report) {
            Err(Errno::EINTR) => {}
            // EAGAIN: nothing was written, and a process that another thread forked holds the
            // write end.
            Err(_) => return None,
            Ok(len) => break len,
        }
    };
    let [step, errno @ ..] = report;
    (len == REPORT_LEN)
        .then(|| (Step::from_number(step), Errno::from_raw(i32::from_ne_bytes(errno))))
}

/// Waits until the child has ended, and takes its status. Another error than EINTR says that
/// somebody else took it.
fn reap(pidfd: &OwnedFd) {
    while waitid(Id::PIDFd(pidfd.as_fd()), WaitPidFlag::WEXITED) == Err(Errno::EINTR) {}
}

// ANCHOR: clone_vfork
/// What the child is told, on the parent's stack.
struct Task<'a> {
    prepared: &'a Prepared,
    error_pipe: RawFd,
}

extern "C" fn child_main(task: *mut c_void) -> i32 {
    // SAFETY: `clone_vfork` passes a `Task` that outlives the child's use of this memory.
    let task = unsafe { &*task.cast::<Task<'_>>() };
    child::become_program(task.prepared, task.error_pipe)
}

/// Makes a child that borrows this process's memory until it executes a program or ends; until
/// then the calling thread stands still. Nothing is copied, so it takes the same time from a
/// small process and from a big one.
fn clone_vfork(prepared: &Prepared, error_pipe: &OwnedFd) -> Result<(Pid, OwnedFd), ExecError> {
    let mut stack = Stack::new()?;
    let mut task = Task { prepared, error_pipe: error_pipe.as_raw_fd() };
    let mut pidfd: RawFd = -1;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;

    let blocked = Blocked::new()?;
    // SAFETY: `child_main` gets a stack of its own, which lives in this frame, as does `task`.
    // With CLONE_VFORK this frame stays until the child has left this memory. The child keeps
    // to the rules of `child.rs`; all signals are blocked, so no handler runs in it.
    // A kernel that knows CLONE_PIDFD writes one number to `pidfd`; another leaves it alone.
    let pid = unsafe {
        libc::clone(child_main, stack.top(), flags, (&raw mut task).cast(), &raw mut pidfd)
    };
    let pid = Errno::result(pid).map_err(|errno| ExecError::new("clone", errno));
    drop(blocked);
    let pid = Pid::from_raw(pid?);
    Ok((pid, own(pid, pidfd)?))
}
// ANCHOR_END: clone_vfork

/// The descriptor that the kernel wrote. A kernel before 5.2 ignores CLONE_PIDFD and writes
/// none: then the program runs and nobody could own it, so it is ended.
fn own(pid: Pid, pidfd: RawFd) -> Result<OwnedFd, ExecError> {
    if pidfd < 0 {
        end(pid);
        return Err(ExecError::new("clone", Errno::ENOSYS));
    }
    // SAFETY: `pidfd` was negative before the clone, so it is the descriptor that the kernel
    // just made, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(pidfd) })
}

/// Kills and reaps a child that has no pidfd.
fn end(pid: Pid) {
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    // An error says that somebody else took its status, so the number may be a stranger's by
    // now.
    if waitid(Id::Pid(pid), look).is_ok() {
        // It cannot fail: the child is not reaped, and it has this process's real user.
        let _ = kill(pid, Signal::SIGKILL);
        while waitpid(pid, None) == Err(Errno::EINTR) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;

    #[test]
    fn without_a_pidfd_the_program_is_ended() {
        let child = Command::new("sleep").arg("600").spawn().expect("spawn");
        let error = own(child.pid(), -1).expect_err("a kernel that ignores CLONE_PIDFD");
        assert_eq!(
            error.to_string(),
            "clone: Function not implemented (os error 38); pidfds need Linux 5.4 or later"
        );
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
        assert_eq!(waitid(Id::Pid(child.pid()), look), Err(Errno::ECHILD));
    }
}
