//! What a system call means for a record, by its number; and the flags of `clone` by their names.
//!
//! aarch64 has not the older of the calls; the newer ones are the same.

use libc::c_long;
use timeline::What;

/// What matters about a call. Descriptors are first arguments unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Wait4,
    Waitid,
    Read,
    Write,
    /// Bytes go from one descriptor to another; this is the index of the argument that they go to.
    Move(usize),
    Futex,
    Poll,
    Epoll,
    EpollCtl,
    Select,
    Sleep,
    SigTimedWait,
    SigSuspend,
    Close,
    CloseRange,
    /// The second argument is closed first.
    Dup,
    SocketPair,
    Clone,
    Clone3,
    Fork,
    Vfork,
    Exec,
    SetTidAddress,
    Restart,
    Exit,
    /// A call whose effects this package does not see.
    Unseen(&'static str),
    Other,
}

pub(crate) fn kind(number: c_long) -> Kind {
    match number {
        libc::SYS_wait4 => Kind::Wait4,
        libc::SYS_waitid => Kind::Waitid,
        libc::SYS_read
        | libc::SYS_readv
        | libc::SYS_recvfrom
        | libc::SYS_recvmsg
        | libc::SYS_recvmmsg => Kind::Read,
        libc::SYS_write
        | libc::SYS_writev
        | libc::SYS_sendto
        | libc::SYS_sendmsg
        | libc::SYS_sendmmsg => Kind::Write,
        libc::SYS_vmsplice | libc::SYS_sendfile => Kind::Move(0),
        libc::SYS_tee => Kind::Move(1),
        libc::SYS_splice => Kind::Move(2),
        libc::SYS_futex => Kind::Futex,
        libc::SYS_ppoll => Kind::Poll,
        libc::SYS_pselect6 => Kind::Select,
        libc::SYS_epoll_pwait | libc::SYS_epoll_pwait2 => Kind::Epoll,
        libc::SYS_epoll_ctl => Kind::EpollCtl,
        libc::SYS_nanosleep | libc::SYS_clock_nanosleep => Kind::Sleep,
        libc::SYS_rt_sigtimedwait => Kind::SigTimedWait,
        libc::SYS_rt_sigsuspend => Kind::SigSuspend,
        libc::SYS_close => Kind::Close,
        libc::SYS_close_range => Kind::CloseRange,
        libc::SYS_dup3 => Kind::Dup,
        libc::SYS_socketpair => Kind::SocketPair,
        libc::SYS_clone => Kind::Clone,
        libc::SYS_clone3 => Kind::Clone3,
        libc::SYS_execve | libc::SYS_execveat => Kind::Exec,
        libc::SYS_set_tid_address => Kind::SetTidAddress,
        libc::SYS_restart_syscall => Kind::Restart,
        libc::SYS_exit | libc::SYS_exit_group => Kind::Exit,
        libc::SYS_ptrace => Kind::Unseen("ptrace"),
        libc::SYS_seccomp => Kind::Unseen("seccomp"),
        libc::SYS_io_uring_setup => Kind::Unseen("io_uring_setup"),
        libc::SYS_futex_waitv => Kind::Unseen("futex_waitv"),
        other => old(other),
    }
}

#[cfg(target_arch = "x86_64")]
fn old(number: c_long) -> Kind {
    match number {
        libc::SYS_poll => Kind::Poll,
        libc::SYS_select => Kind::Select,
        libc::SYS_epoll_wait => Kind::Epoll,
        libc::SYS_pause => Kind::SigSuspend,
        libc::SYS_dup2 => Kind::Dup,
        libc::SYS_fork => Kind::Fork,
        libc::SYS_vfork => Kind::Vfork,
        _ => Kind::Other,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn old(_number: c_long) -> Kind {
    Kind::Other
}

/// What a long call is called that waits for something else. `None` for one that is slow only when the machine is: its
/// length says nothing about the program.
pub(crate) fn other(number: c_long) -> Option<What> {
    let name = match number {
        libc::SYS_accept | libc::SYS_accept4 => "accept",
        libc::SYS_connect => "connect",
        libc::SYS_fcntl => "fcntl",
        libc::SYS_flock => "flock",
        libc::SYS_fsync => "fsync",
        libc::SYS_fdatasync => "fdatasync",
        libc::SYS_mq_timedreceive => "mq_timedreceive",
        libc::SYS_mq_timedsend => "mq_timedsend",
        libc::SYS_sendfile => "sendfile",
        libc::SYS_splice => "splice",
        libc::SYS_tee => "tee",
        libc::SYS_vmsplice => "vmsplice",
        _ => return None,
    };
    Some(What::Call { name: name.to_owned() })
}

/// The flags of `clone` without `CLONE_`, by their bits, and `SIGCHLD` or another signal that the child's end sends.
pub(crate) fn flags(bits: u64, exit_signal: u64) -> Vec<String> {
    const NAMES: [(u64, &str); 26] = [
        (0x100, "VM"),
        (0x200, "FS"),
        (0x400, "FILES"),
        (0x800, "SIGHAND"),
        (0x1000, "PIDFD"),
        (0x2000, "PTRACE"),
        (0x4000, "VFORK"),
        (0x8000, "PARENT"),
        (0x1_0000, "THREAD"),
        (0x2_0000, "NEWNS"),
        (0x4_0000, "SYSVSEM"),
        (0x8_0000, "SETTLS"),
        (0x10_0000, "PARENT_SETTID"),
        (0x20_0000, "CHILD_CLEARTID"),
        (0x40_0000, "DETACHED"),
        (0x80_0000, "UNTRACED"),
        (0x100_0000, "CHILD_SETTID"),
        (0x200_0000, "NEWCGROUP"),
        (0x400_0000, "NEWUTS"),
        (0x800_0000, "NEWIPC"),
        (0x1000_0000, "NEWUSER"),
        (0x2000_0000, "NEWPID"),
        (0x4000_0000, "NEWNET"),
        (0x8000_0000, "IO"),
        (0x1_0000_0000, "CLEAR_SIGHAND"),
        (0x2_0000_0000, "INTO_CGROUP"),
    ];
    let mut names: Vec<String> = NAMES
        .iter()
        .filter(|(bit, _)| bits & bit != 0)
        .map(|(_, name)| (*name).to_owned())
        .collect();
    if let Some(signal) = i32::try_from(exit_signal).ok().filter(|signal| *signal != 0) {
        names.push(signal_name(signal));
    }
    names
}

/// `SIGKILL`, or for a real-time signal its number.
pub(crate) fn signal_name(signal: i32) -> String {
    match nix::sys::signal::Signal::try_from(signal) {
        Ok(signal) => signal.as_str().to_owned(),
        Err(_) => format!("signal {signal}"),
    }
}

/// A copy of the caller in its memory that lets it wait.
pub(crate) const VFORK: u64 = libc::CLONE_VFORK as u64;
/// A further thread of the caller's process.
pub(crate) const THREAD: u64 = libc::CLONE_THREAD as u64;
/// A child of the caller's parent.
pub(crate) const PARENT: u64 = libc::CLONE_PARENT as u64;
/// The end of the new one wakes whoever waits for its number in memory.
pub(crate) const CLEAR_TID: u64 = libc::CLONE_CHILD_CLEARTID as u64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_their_names() {
        assert_eq!(flags(0x100 | 0x1_0000, 0), ["VM", "THREAD"]);
        assert_eq!(flags(0x4000, libc::SIGCHLD as u64), ["VFORK", "SIGCHLD"]);
        assert_eq!(flags(0, 40), ["signal 40"]);
    }

    #[test]
    fn a_call_that_nobody_knows_is_another_one() {
        assert_eq!(kind(-1), Kind::Other);
        assert_eq!(kind(libc::SYS_read), Kind::Read);
        assert_eq!(other(9_999), None);
        assert_eq!(other(libc::SYS_flock), Some(What::Call { name: "flock".to_owned() }));
    }
}
