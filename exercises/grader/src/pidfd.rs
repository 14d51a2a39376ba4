//! A pidfd: a descriptor that means one process, whatever becomes of its number.
//!
//! # References
//! man 2 pidfd_open; man 2 pidfd_send_signal.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Opens a pidfd for a process.
pub(crate) fn open(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes a number and flags and touches no memory of this process.
    let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = i32::try_from(opened).map_err(io::Error::other)?;
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sends a signal to the process that `pidfd` means. One that has ended takes no harm.
pub(crate) fn signal(pidfd: &OwnedFd, signal: i32) -> io::Result<()> {
    let no_info: *const libc::siginfo_t = std::ptr::null();
    // SAFETY: the descriptor is open; without a siginfo the call reads no memory.
    let sent = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, no_info, 0)
    };
    if sent == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
