//! The requests of `ptrace` and `wait4` that this package makes, each as a function that cannot harm this process.
//!
//! nix has most of them. What it has not are real-time signals, `PTRACE_LISTEN`, and `PTRACE_GET_SYSCALL_INFO` on every libc.
//!
//! The source is man 2 ptrace.

use libc::{c_int, c_long, c_void};
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::unistd::Pid;
use std::io;

/// The type of a request's number, which is not the same in every libc.
#[cfg(target_env = "gnu")]
type Request = libc::c_uint;
#[cfg(not(target_env = "gnu"))]
type Request = c_int;

/// From `linux/ptrace.h`; not every libc has it.
const PTRACE_GET_SYSCALL_INFO: Request = 0x420e;
const INFO_BYTES: usize = 88;

/// Where a stopped thread is, as far as its system calls go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// Before the call `number`.
    Entry { number: c_long, args: [u64; 6] },
    /// After a call, which returned `value`: a negative errno if it failed.
    Exit { value: i64 },
    /// Somewhere else.
    Elsewhere,
}

/// Lets a stopped thread go on to its next system call, and delivers `signal` if it is not 0.
pub(crate) fn go_on(pid: Pid, signal: c_int) -> io::Result<()> {
    request(libc::PTRACE_SYSCALL, pid, 0, signal as usize).map(drop)
}

/// As [`go_on`], but not only to its next call: to its next birth, exec, signal or end.
pub(crate) fn go_on_to_the_next_event(pid: Pid, signal: c_int) -> io::Result<()> {
    request(libc::PTRACE_CONT, pid, 0, signal as usize).map(drop)
}

/// Leaves a thread stopped, as its signal wants it, and still hears of it.
pub(crate) fn listen(pid: Pid) -> io::Result<()> {
    request(libc::PTRACE_LISTEN, pid, 0, 0).map(drop)
}

/// Where a thread that is stopped at a system call is.
pub(crate) fn syscall_info(pid: Pid) -> io::Result<At> {
    let mut words = [0_u64; INFO_BYTES / 8];
    request(PTRACE_GET_SYSCALL_INFO, pid, INFO_BYTES, words.as_mut_ptr() as usize)?;
    // The layout is fixed by the kernel: a byte that says which, the instruction and stack pointers, then the call.
    Ok(match words[0].to_ne_bytes()[0] {
        1 => At::Entry {
            number: words[3] as c_long,
            args: [words[4], words[5], words[6], words[7], words[8], words[9]],
        },
        2 => At::Exit { value: words[3] as i64 },
        _ => At::Elsewhere,
    })
}

fn request(request: Request, pid: Pid, address: usize, data: usize) -> io::Result<c_long> {
    // SAFETY: the only request made here that writes into this process is PTRACE_GET_SYSCALL_INFO, and it is given an array
    // and that array's size. All others take numbers.
    let result = unsafe {
        libc::ptrace(request, pid.as_raw(), address as *mut c_void, data as *mut c_void)
    };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Reads `N` bytes of a stopped thread's memory.
pub(crate) fn peek<const N: usize>(pid: Pid, address: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for (index, chunk) in bytes.chunks_mut(8).enumerate() {
        // A word that begins at the end of a mapping may not reach over it, so the last one is read from its end.
        let (back, from) = match chunk.len() {
            8 => (0, 8 * index as u64),
            rest if N >= 8 => (8 - rest, N as u64 - 8),
            _ => (0, 0),
        };
        let word = ptrace::read(pid, address.checked_add(from)? as *mut c_void).ok()?;
        chunk.copy_from_slice(&word.to_ne_bytes()[back..back + chunk.len()]);
    }
    Some(bytes)
}

/// The next thing that happened to a thread that this thread watches, or to a child of it: whose, and its wait status.
pub(crate) fn wait() -> io::Result<(Pid, c_int)> {
    let mut status = 0;
    loop {
        // SAFETY: `status` is a place for one integer. `__WNOTHREAD` keeps away from the children of other threads.
        let pid =
            unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
        match Errno::result(pid) {
            Ok(pid) => return Ok((Pid::from_raw(pid), status)),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Who sent the signal that a thread is stopped at: the pid if a process did.
pub(crate) fn sender(pid: Pid) -> Option<i32> {
    let info = ptrace::getsiginfo(pid).ok()?;
    // SAFETY: signals from `kill`, `tgkill` and `sigqueue`, and those about children, have a pid.
    sent_by_a_process(info.si_code, info.si_signo).then(|| unsafe { info.si_pid() })
}

/// Whether a `siginfo_t` with this code has a pid in it.
pub(crate) fn sent_by_a_process(code: c_int, signal: c_int) -> bool {
    matches!(code, libc::SI_USER | libc::SI_TKILL | libc::SI_QUEUE)
        || (signal == libc::SIGCHLD && code > 0)
}
