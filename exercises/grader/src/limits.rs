//! What a program may use. The kernel holds it to a part of this; the grader counts the rest.
//!
//! | limit | by the kernel | by counting |
//! |---|---|---|
//! | processes | `RLIMIT_NPROC`, a backstop: it counts all of the user's, and not at all for root | all descendants |
//! | descriptors | `RLIMIT_NOFILE`, for each process | |
//! | memory | `RLIMIT_DATA`, for each process | resident memory of all |
//! | files written | `RLIMIT_FSIZE` | |
//! | output | | bytes read from its pipes |
//! | processor time | | of all, by the kernel's clock |
//!
//! # References
//! man 2 setrlimit; kernel/fork.c, `copy_process`, for who is exempt from `RLIMIT_NPROC`.

use std::io;

use nix::libc::RLIM_INFINITY;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::Uid;

use crate::family;

/// The limits of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// How many processes may be alive or zombies at a time, the program itself counted.
    pub(crate) processes: u64,
    /// The highest number of open descriptors in one process.
    pub(crate) descriptors: u64,
    /// Memory in bytes, of one process by the kernel, of all by counting.
    pub(crate) memory_bytes: u64,
    /// Output in bytes, both streams together.
    pub(crate) output_bytes: u64,
    /// Time on processors, all processes together.
    pub(crate) cpu_ms: u64,
    /// Time on the clock.
    pub(crate) deadline_s: u64,
}

/// The largest file that a program may write.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// How far above what the user has already the backstop for processes lies. Several graders may run at once.
const TASKS_HEADROOM: u64 = 256;

impl Default for Limits {
    fn default() -> Self {
        Limits {
            processes: 32,
            descriptors: 256,
            memory_bytes: 1 << 30,
            output_bytes: 1 << 20,
            cpu_ms: 3_000,
            deadline_s: 10,
        }
    }
}

impl Limits {
    /// The words that [`Limits::parse`] reads: what the kernel is to enforce.
    pub(crate) fn render(self) -> String {
        let tasks = if sees_all_processes() {
            family::tasks_of_user(Uid::effective().as_raw()) + TASKS_HEADROOM
        } else {
            RLIM_INFINITY
        };
        format!("{tasks} {} {}", self.descriptors, self.memory_bytes)
    }

    pub(crate) fn parse(text: &str) -> Option<Limits> {
        let mut numbers = text.split(' ').map(|word| word.parse().ok());
        Some(Limits {
            processes: numbers.next()??,
            descriptors: numbers.next()??,
            memory_bytes: numbers.next()??,
            ..Limits::default()
        })
    }

    /// Sets them for this process and all that it starts. A lower limit that is in force already stays.
    pub(crate) fn set(self) -> io::Result<()> {
        let limits = [
            (Resource::RLIMIT_NPROC, self.processes),
            (Resource::RLIMIT_NOFILE, self.descriptors),
            (Resource::RLIMIT_DATA, self.memory_bytes),
            (Resource::RLIMIT_FSIZE, FILE_BYTES_MAX),
            (Resource::RLIMIT_CORE, 0),
        ];
        for (resource, value) in limits {
            let (soft, hard) = getrlimit(resource)?;
            setrlimit(resource, value.min(soft), value.min(hard))?;
        }
        Ok(())
    }

    /// Why the kernel does not enforce the limit on processes, if it does not.
    pub(crate) fn void(self) -> Option<&'static str> {
        if Uid::effective().is_root() {
            Some(
                "the grader runs as root, whom the kernel does not limit in processes (RLIMIT_NPROC): it has counted them",
            )
        } else if !sees_all_processes() {
            Some(
                "the grader runs in a container, where it cannot tell how many processes its user has (RLIMIT_NPROC): it has counted the program's",
            )
        } else {
            None
        }
    }
}

/// Whether this process is in the first pid namespace. Elsewhere its user may have processes that it does not see, and the
/// kernel counts them.
fn sees_all_processes() -> bool {
    // PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h.
    const FIRST: &str = "pid:[4026531836]";
    std::fs::read_link("/proc/self/ns/pid")
        .is_ok_and(|namespace| namespace.as_os_str() == FIRST)
}
