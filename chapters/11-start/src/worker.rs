//! The first and the last moments of every process of a launcher.
//!
//! Invariant: a process that is not, or no longer, a child of the program that asked for it ends before it does
//! anything.
//!
//! # References
//! man 2 PR_SET_PDEATHSIG; man 2 setpgid; man 2 PR_SET_NAME; man 3 _exit.

use crate::Kit;
use nix::fcntl::{OFlag, open};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, dup2_stdin, getppid, setpgid};
use std::ffi::CString;
use std::io::{self, Write};
use std::os::fd::IntoRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a process ends with that could not become what it was to be. In a shell it is what a program ends with that
/// starts others and failed itself.
pub(crate) const FAILED_CODE: i32 = 125;

/// The highest signal of Linux.
const SIGNAL_MAX: i32 = 64;

// ANCHOR: outlive_nobody
/// Dies with the program from now on, or at once if it is gone already.
///
/// The kernel sends SIGKILL when the thread ends that is this process's parent: the
/// one that called `Launcher::start`, or made the launcher.
pub(crate) fn outlive_nobody(program: Pid) -> nix::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    // Whoever died before that call sends nothing any more.
    if getppid() == program { Ok(()) } else { end(FAILED_CODE) }
}
// ANCHOR_END: outlive_nobody

/// What every process of a launcher begins with, whatever it inherited.
pub(crate) fn begin_clean(program: Pid) -> nix::Result<()> {
    outlive_nobody(program)?;
    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    (1..=SIGNAL_MAX).for_each(set_default);
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
}

/// By the system call itself, because the C library's function refuses the two signals that it keeps for itself, and
/// those can be inherited as ignored. SIGKILL and SIGSTOP are refused by the kernel, and have their default anyway.
fn set_default(signal: i32) {
    // All zeroes is the default action, no flags and an empty mask, in the kernel's layout on every architecture; this
    // is more than any of them reads.
    let action = [0_u64; 8];
    let (old, mask_len) = (std::ptr::null_mut::<u64>(), size_of::<u64>());
    // SAFETY: `action` is valid for a read of the kernel's sigaction; null asks for no old action.
    unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, action.as_ptr(), old, mask_len) };
}

/// Opens `/dev/null` for each standard descriptor that is closed, so that none of the kit's gets its number.
pub(crate) fn fill_standard_descriptors() -> nix::Result<()> {
    loop {
        // Not close-on-exec, as every standard descriptor. The lowest free number is the one that is given.
        let opened = open("/dev/null", OFlag::O_RDWR, Mode::empty())?.into_raw_fd();
        if opened > 2 {
            return nix::unistd::close(opened);
        }
    }
}

/// Makes `/dev/null` the standard input.
pub(crate) fn read_nothing() -> nix::Result<()> {
    dup2_stdin(open("/dev/null", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?)
}

/// Shown by `ps -o comm` and in `/proc/PID/comm`.
pub(crate) fn set_name(name: &[u8]) -> nix::Result<()> {
    let name: Vec<u8> = name.iter().copied().take_while(|byte| *byte != 0).collect();
    prctl::set_name(&CString::new(name).unwrap_or_default())
}

/// Runs `main` to its end, which is the end of the process: by `_exit`, so that no exit
/// handler and no destructor that was copied from the program runs in the worker.
pub(crate) fn run(main: impl FnOnce(Kit) -> i32, kit: Kit) -> ! {
    let code = match catch_unwind(AssertUnwindSafe(|| main(kit))) {
        Ok(code) => code,
        Err(payload) => {
            // Its destructor may panic too.
            std::mem::forget(payload);
            fork::PANIC_CODE
        }
    };
    // Nobody is left to tell that standard output takes no more.
    let _ = catch_unwind(|| io::stdout().flush());
    end(code)
}

pub(crate) fn end(code: i32) -> ! {
    // SAFETY: `_exit` takes any number, touches no memory of this process and does not return.
    unsafe { libc::_exit(code) }
}
