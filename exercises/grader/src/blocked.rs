//! What a thread is asleep in: the system call and the descriptors, processes or times that it waits for.
//!
//! The source is `/proc/PID/task/TID/syscall`: a number, six arguments, the stack pointer and the program counter. It may be read by
//! who may trace the process. Where that is refused (a container without CAP_SYS_PTRACE, Yama's ptrace_scope, a program
//! that made itself undumpable) the answer is [`Blocked::Unread`], and whoever asks has to say so.
//!
//! # References
//! man 5 proc_pid_syscall; man 2 ptrace, "Ptrace access mode checking".

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;

use libc::c_long;

/// What a thread is asleep in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocked {
    /// It runs, or would if there were a processor for it.
    Running,
    /// It has ended.
    Ended,
    /// Asleep until bytes or the end come.
    Read {
        /// The descriptor that it reads.
        fd: i32,
    },
    /// Asleep until there is room.
    Write {
        /// The descriptor that it writes to.
        fd: i32,
    },
    /// Asleep until a child changes its state.
    Wait {
        /// The child, or `None` for any of several.
        child: Option<i32>,
    },
    /// Asleep until one of several descriptors is ready.
    Poll {
        /// The descriptors, if they could be read.
        fds: Vec<i32>,
        /// Whether it wakes by itself after a time.
        timed: bool,
    },
    /// Asleep until another thread wakes it: a lock, a channel, a join.
    Futex {
        /// Whether it wakes by itself after a time.
        timed: bool,
        /// Whether only threads of its own process can wake it.
        private: bool,
        /// Where the word is that it sleeps on.
        address: u64,
        /// The value that it gave for that word.
        expected: u32,
    },
    /// Asleep for a time.
    Sleep,
    /// At a gate, until the grader lets it go on.
    Gate,
    /// Asleep until a signal comes.
    Signal,
    /// Asleep in another call.
    Other {
        /// The number of the system call.
        number: i64,
    },
    /// What it is asleep in may not be read; why not.
    Unread {
        /// The error, in words.
        why: String,
    },
}

/// What one line of `syscall` says, with the place in the program that made the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asleep {
    pub(crate) blocked: Blocked,
    /// Stack pointer; 0 if unknown.
    pub(crate) stack: u64,
}

impl Blocked {
    /// Whether it wakes up without anybody's doing.
    pub fn is_timed(&self) -> bool {
        matches!(
            self,
            Blocked::Sleep
                | Blocked::Poll { timed: true, .. }
                | Blocked::Futex { timed: true, .. }
        )
    }
}

impl Asleep {
    /// Reads what thread `tid` of process `pid` is asleep in.
    pub(crate) fn of(pid: i32, tid: i32) -> Asleep {
        match fs::read_to_string(format!("/proc/{pid}/task/{tid}/syscall")) {
            Ok(line) => Asleep::parse(pid, &line),
            Err(error) if is_gone(&error) && crate::family::stat(pid).is_none() => {
                Asleep { blocked: Blocked::Ended, stack: 0 }
            }
            Err(error) => {
                Asleep { blocked: Blocked::Unread { why: error.to_string() }, stack: 0 }
            }
        }
    }

    fn parse(pid: i32, line: &str) -> Asleep {
        let words: Vec<&str> = line.split_whitespace().collect();
        let hex = |index: usize| {
            let word = words.get(index).copied().unwrap_or_default();
            u64::from_str_radix(word.trim_start_matches("0x"), 16).unwrap_or(0)
        };
        match words.first().map(|word| word.parse::<i64>()) {
            // "running"
            None | Some(Err(_)) => Asleep { blocked: Blocked::Running, stack: 0 },
            // Asleep, but in no system call: stopped, or in a page fault.
            Some(Ok(-1)) => Asleep { blocked: Blocked::Running, stack: hex(1) },
            Some(Ok(number)) => {
                let arguments = [1, 2, 3, 4, 5, 6].map(hex);
                Asleep { blocked: call(pid, number, &arguments), stack: hex(7) }
            }
        }
    }
}

/// A descriptor, a pid or a timeout is an `int` in the low half of the register.
fn int(argument: u64) -> i32 {
    argument as u32 as i32
}

/// What it means to be asleep in the system call `number`.
fn call(pid: i32, number: i64, arguments: &[u64; 6]) -> Blocked {
    let [first, second, third, fourth, ..] = *arguments;
    let number_ = c_long::try_from(number).unwrap_or(-1);
    match number_ {
        libc::SYS_read
        | libc::SYS_readv
        | libc::SYS_pread64
        | libc::SYS_recvfrom
        | libc::SYS_recvmsg
        | libc::SYS_accept
        | libc::SYS_accept4 => Blocked::Read { fd: int(first) },
        libc::SYS_write
        | libc::SYS_writev
        | libc::SYS_sendto
        | libc::SYS_sendmsg
        | libc::SYS_vmsplice => Blocked::Write { fd: int(first) },
        libc::SYS_wait4 => {
            let child = int(first);
            Blocked::Wait { child: (child > 0).then_some(child) }
        }
        libc::SYS_waitid => match first as libc::idtype_t {
            libc::P_PID => Blocked::Wait { child: Some(int(second)) },
            libc::P_PIDFD => Blocked::Wait { child: process_of_pidfd(pid, int(second)) },
            _ => Blocked::Wait { child: None },
        },
        libc::SYS_futex => Blocked::Futex {
            timed: fourth != 0,
            private: int(second) & libc::FUTEX_PRIVATE_FLAG != 0,
            address: first,
            expected: third as u32,
        },
        libc::SYS_nanosleep | libc::SYS_clock_nanosleep => Blocked::Sleep,
        libc::SYS_rt_sigsuspend => Blocked::Signal,
        libc::SYS_rt_sigtimedwait if third == 0 => Blocked::Signal,
        libc::SYS_rt_sigtimedwait => Blocked::Sleep,
        libc::SYS_ppoll => Blocked::Poll { fds: polled(pid, first, second), timed: third != 0 },
        libc::SYS_pselect6 => Blocked::Poll { fds: Vec::new(), timed: arguments[4] != 0 },
        libc::SYS_epoll_pwait => {
            Blocked::Poll { fds: vec![int(first)], timed: int(fourth) >= 0 }
        }
        other => old_call(pid, other, arguments).unwrap_or(Blocked::Other { number }),
    }
}

/// Calls that only older architectures have; newer ones use their general forms.
#[cfg(target_arch = "x86_64")]
fn old_call(pid: i32, number: c_long, arguments: &[u64; 6]) -> Option<Blocked> {
    let [first, second, third, fourth, fifth, _] = *arguments;
    match number {
        libc::SYS_poll => {
            Some(Blocked::Poll { fds: polled(pid, first, second), timed: int(third) >= 0 })
        }
        libc::SYS_select => Some(Blocked::Poll { fds: Vec::new(), timed: fifth != 0 }),
        libc::SYS_epoll_wait => {
            Some(Blocked::Poll { fds: vec![int(first)], timed: int(fourth) >= 0 })
        }
        libc::SYS_pause => Some(Blocked::Signal),
        _ => None,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn old_call(_: i32, _: c_long, _: &[u64; 6]) -> Option<Blocked> {
    None
}

/// The descriptors in the array of `struct pollfd` that a process has handed to `poll`. Empty if it cannot be read.
fn polled(pid: i32, address: u64, count: u64) -> Vec<i32> {
    const ENTRY_LEN: usize = size_of::<libc::pollfd>();
    const COUNT_MAX: u64 = 1024;
    let mut bytes = vec![0; count.min(COUNT_MAX) as usize * ENTRY_LEN];
    let read = File::open(format!("/proc/{pid}/mem"))
        .and_then(|memory| memory.read_exact_at(&mut bytes, address));
    if read.is_err() {
        return Vec::new();
    }
    bytes
        .chunks_exact(ENTRY_LEN)
        .filter_map(|entry| Some(i32::from_ne_bytes(entry.get(..4)?.try_into().ok()?)))
        .filter(|fd| *fd >= 0)
        .collect()
}

/// The process behind a pidfd of process `pid`.
pub(crate) fn process_of_pidfd(pid: i32, fd: i32) -> Option<i32> {
    let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("Pid:"))?;
    line.trim().parse().ok().filter(|pid| *pid > 0)
}

/// Whether a file of `/proc` could not be read because its process has ended.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH))
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Blocked::Running => f.write_str("runs"),
            Blocked::Ended => f.write_str("has ended"),
            Blocked::Read { fd } => write!(f, "sleeps in read(fd {fd})"),
            Blocked::Write { fd } => write!(f, "sleeps in write(fd {fd})"),
            Blocked::Wait { child: Some(child) } => write!(f, "waits for process {child}"),
            Blocked::Wait { child: None } => f.write_str("waits for any child"),
            Blocked::Poll { fds, .. } => {
                let fds: Vec<String> = fds.iter().map(|fd| format!("fd {fd}")).collect();
                write!(f, "sleeps in poll({})", fds.join(", "))
            }
            Blocked::Futex { .. } => {
                f.write_str("sleeps in futex: a lock, a channel or a join")
            }
            Blocked::Sleep => f.write_str("sleeps for a time"),
            Blocked::Gate => f.write_str("stands at a gate of the grader"),
            Blocked::Signal => f.write_str("sleeps until a signal comes"),
            Blocked::Other { number } => write!(f, "sleeps in system call {number}"),
            Blocked::Unread { .. } => f.write_str("sleeps, in what could not be read"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocked(line: &str) -> Blocked {
        Asleep::parse(0, line).blocked
    }

    #[test]
    fn calls_are_told_by_number_and_arguments() {
        let line = |number: c_long, first: &str| {
            format!("{number} {first} 0x1 0x0 0x0 0x0 0x0 0x7ffc 0x7f00\n")
        };
        assert_eq!(blocked(&line(libc::SYS_read, "0x3")), Blocked::Read { fd: 3 });
        assert_eq!(blocked(&line(libc::SYS_write, "0x1")), Blocked::Write { fd: 1 });
        assert_eq!(
            blocked(&line(libc::SYS_wait4, "0xffffffff")),
            Blocked::Wait { child: None }
        );
        assert_eq!(blocked(&line(libc::SYS_wait4, "0x2a")), Blocked::Wait { child: Some(42) });
        assert_eq!(blocked("running\n"), Blocked::Running);
        assert_eq!(blocked("-1 0x7ffc 0x7f00\n"), Blocked::Running);
        assert_eq!(blocked(""), Blocked::Running);
        assert_eq!(blocked("999999 0x0\n"), Blocked::Other { number: 999_999 });
    }

    #[test]
    fn a_timeout_tells_who_wakes_by_itself() {
        let line = format!("{} 0x0 0x0 0x0 0x7ffd 0x0 0x0 0x1 0x2", libc::SYS_futex);
        assert!(blocked(&line).is_timed());
        let line = format!("{} 0x0 0x0 0x0 0x0 0x0 0x0 0x1 0x2", libc::SYS_futex);
        assert!(!blocked(&line).is_timed());
    }

    #[test]
    fn a_futex_call_names_the_word_the_value_and_the_kind() {
        let line = |operation: i32| {
            format!(
                "{} 0x7f00 {operation:#x} 0xffffffff00000002 0x0 0x0 0x0 0x1 0x2",
                libc::SYS_futex
            )
        };
        let futex =
            |private| Blocked::Futex { timed: false, private, address: 0x7f00, expected: 2 };
        assert_eq!(blocked(&line(libc::FUTEX_WAIT)), futex(false));
        assert_eq!(blocked(&line(libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG)), futex(true));
    }
}
