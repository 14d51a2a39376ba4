//! The three system calls that neither the standard library nor nix offers in the form needed here.
//!
//! `waitid` is called directly because nix knows no real-time signals: the death of a child by one would be reaped and
//! then reported as an error. The C library's `waitid` leaves out the kernel's last argument, which says what the child
//! has used.

use crate::{ExitStatus, Signal, Usage};
use nix::errno::Errno;
use nix::unistd::Pid;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// A descriptor for the process that has the number `pid` at this moment. The kernel sets close-on-exec.
pub(crate) fn pidfd_open(pid: Pid) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes two numbers and touches no memory of this process.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    let fd = RawFd::try_from(Errno::result(fd)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel just made this descriptor, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sends `signal` to the process behind `pidfd`, or fails with ESRCH if it was reaped.
pub(crate) fn pidfd_send_signal(pidfd: BorrowedFd<'_>, signal: Signal) -> Result<(), Errno> {
    let no_info = std::ptr::null::<libc::siginfo_t>();
    let (fd, signal) = (pidfd.as_raw_fd(), signal as libc::c_int);
    // SAFETY: `pidfd` is open for the time of the call; a null pointer asks for the default siginfo.
    let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, no_info, 0) };
    Errno::result(sent).map(drop)
}

/// The end of a child.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) usage: Usage,
}

/// How the child behind `pidfd` ended. `flags` are those of `waitid`; with WNOHANG, or if `pidfd` has O_NONBLOCK,
/// `None` says that it has not.
pub(crate) fn waitid(
    pidfd: BorrowedFd<'_>,
    flags: libc::c_int,
) -> Result<Option<Ended>, Errno> {
    let id = pidfd.as_raw_fd();
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    let flags = libc::WEXITED | flags;
    let done = loop {
        let (info, usage) = (info.as_mut_ptr(), usage.as_mut_ptr());
        // SAFETY: the pointers are valid for a write of a siginfo_t and of a rusage, and `pidfd` is open for the time of
        // the call.
        let done =
            unsafe { libc::syscall(libc::SYS_waitid, libc::P_PIDFD, id, info, flags, usage) };
        if done != -1 || Errno::last() != Errno::EINTR {
            break done;
        }
    };
    match Errno::result(done) {
        Err(Errno::EAGAIN) => return Ok(None),
        done => done?,
    };
    // SAFETY: all zeroes is a valid siginfo_t, and the kernel wrote either nothing or a whole one.
    let info = unsafe { info.assume_init() };
    // SAFETY: `waitid` fills the SIGCHLD fields, of which the pid is one; zeroed, it is 0: nobody has ended.
    if unsafe { info.si_pid() } == 0 {
        return Ok(None);
    }
    // SAFETY: as above, for the field that holds the exit code or the signal.
    let value = unsafe { info.si_status() };
    let status = match info.si_code {
        libc::CLD_EXITED => ExitStatus::Exited(value),
        code => ExitStatus::Signaled { signal: value, core_dumped: code == libc::CLD_DUMPED },
    };
    // SAFETY: all zeroes is a valid rusage, and the kernel wrote either nothing or a whole one.
    let usage = unsafe { usage.assume_init() };
    Ok(Some(Ended { status, usage: Usage::new(&usage) }))
}
