//! Forbids the one call that would reach beyond the program's own processes: `kill(-1, ...)`.
//!
//! To the kernel it means every process that the caller may signal: for an ordinary user their whole login, for root
//! the whole machine. It is what `kill(fork_result, SIGKILL)` does if the fork has failed and nobody has looked. The
//! filter ends the process that asks for it, by SIGSYS, and lets every other call through.
//!
//! It is a guard against a mistake, and no jail. Where the kernel has no such filters, the program runs without.
//!
//! # References
//! man 2 seccomp; man 2 kill.

use libc::c_ulong;

/// `seccomp_data.arch` of this build, from linux/audit.h.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: Option<u32> = Some(0xc000_003e);
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: Option<u32> = Some(0xc000_00b7);
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const ARCHITECTURE: Option<u32> = None;

/// The offsets of the fields in `struct seccomp_data`. The first argument's lower half comes first on both architectures.
const NUMBER_AT: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;
const FIRST_ARGUMENT_AT: u32 = 16;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// An argument that a call does not use. The kernel reads whole registers.
const NONE: c_ulong = 0;

/// Sets the filter for this process and all that descend from it. Only system calls: it is safe between fork and exec.
pub(crate) fn set() {
    let Some(architecture) = ARCHITECTURE else { return };
    let statement = |code, k| libc::sock_filter { code, jt: 0, jf: 0, k };
    // The second number is how many statements to skip if they differ.
    let unless = |k, skip| libc::sock_filter { code: IF_EQUAL, jt: 0, jf: skip, k };
    let mut statements = [
        statement(LOAD, ARCHITECTURE_AT),
        unless(architecture, 5),
        statement(LOAD, NUMBER_AT),
        unless(libc::SYS_kill as u32, 3),
        statement(LOAD, FIRST_ARGUMENT_AT),
        unless(-1_i32 as u32, 1),
        statement(RETURN, libc::SECCOMP_RET_KILL_PROCESS),
        statement(RETURN, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: statements.len() as libc::c_ushort,
        filter: statements.as_mut_ptr(),
    };
    // SAFETY: the call sets a flag of this process. An ordinary user may set filters only with it.
    unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1 as c_ulong, NONE, NONE, NONE) };
    // SAFETY: the kernel copies the statements, which live until it returns.
    unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            c_ulong::from(libc::SECCOMP_MODE_FILTER),
            &raw const program,
        )
    };
}
