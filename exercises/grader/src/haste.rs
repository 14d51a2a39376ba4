//! Real-time priority for the grader, where it is root: then no limit of the kernel stops a program that forks without
//! end, and the grader has to be faster than it.
//!
//! What the grader starts runs with ordinary priority. An ordinary user has no such right, and needs none, because
//! `RLIMIT_NPROC` binds the program.
//!
//! # References
//! man 7 sched, "SCHED_FIFO" and "Resetting scheduling policy for child processes".

use nix::unistd::geteuid;

/// The caller has real-time priority as long as this lives, if it may.
#[derive(Debug)]
pub(crate) struct Haste(());

impl Haste {
    pub(crate) fn make() -> Haste {
        set_priority(libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, 1);
        Haste(())
    }
}

impl Drop for Haste {
    fn drop(&mut self) {
        set_priority(libc::SCHED_OTHER, 0);
    }
}

/// A refusal changes nothing: a container's root may lack CAP_SYS_NICE.
fn set_priority(policy: libc::c_int, sched_priority: libc::c_int) {
    if !geteuid().is_root() {
        return;
    }
    // By number, because not every C library's function of this name calls the kernel.
    let priority: libc::c_int = sched_priority;
    // SAFETY: the parameter, one int, is read from a local variable; 0 means the caller.
    unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, policy, &raw const priority) };
}
