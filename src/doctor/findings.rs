//! Judges facts. Each check is a pure function from [`Facts`] to one [`Finding`].

use super::facts::{Facts, kernel_version};
use super::{Finding, Verdict, limits};

/// `waitid` takes a pidfd since this version.
const KERNEL_WAITID_PIDFD: (u32, u32) = (5, 4);
/// `close_range` can set close-on-exec since this version.
const KERNEL_CLOSE_RANGE_CLOEXEC: (u32, u32) = (5, 11);

/// All checks, in the order in which their failure would be met.
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let checks: [fn(&Facts) -> Finding; 15] = [
        kernel,
        proc_readable,
        hidden_processes,
        smaps_rollup,
        limits::cpus,
        limits::processes,
        limits::cgroup_pids,
        limits::descriptors,
        limits::pid_max,
        limits::memory,
        limits::shm,
        container,
        user,
        seccomp,
        tracing,
    ];
    checks.iter().map(|check| check(facts)).chain([tools(facts)]).collect()
}

/// The only finding on a system other than Linux.
pub fn other_system(name: &str) -> Finding {
    Finding {
        subject: "system",
        verdict: Verdict::Problem,
        found: format!("This is {name}."),
        why: "The book shows how processes work on Linux, and its examples call the Linux \
              kernel.",
        remedy: Some(crate::NEEDS_LINUX.to_owned()),
    }
}

fn kernel(facts: &Facts) -> Finding {
    let version = facts.kernel.as_deref().and_then(kernel_version);
    let release = facts.kernel.as_deref().unwrap_or("unknown");
    let (verdict, remedy) = match version {
        Some(version) if version >= KERNEL_CLOSE_RANGE_CLOEXEC => (Verdict::Ok, None),
        Some(version) if version >= KERNEL_WAITID_PIDFD => (
            Verdict::Note,
            Some(
                "nothing has to be done: before 5.11 close_range cannot set close-on-exec, and \
                 the part of chapter 04 marks descriptors one by one."
                    .to_owned(),
            ),
        ),
        Some(_) => (
            Verdict::Problem,
            Some(
                "boot a kernel of version 5.4 or later: here waiting on a pidfd is missing, \
                 which every chapter from 03 on needs."
                    .to_owned(),
            ),
        ),
        None => (
            Verdict::Note,
            Some("look at `uname -r`: the number should be 5.4 or higher.".to_owned()),
        ),
    };
    Finding {
        subject: "kernel",
        verdict,
        found: format!("Linux {release}."),
        why: "The parts hold processes by pidfds and wait through them, which old kernels \
              cannot do.",
        remedy,
    }
}

fn proc_readable(facts: &Facts) -> Finding {
    let (verdict, found, remedy) = if facts.proc_mounted {
        (Verdict::Ok, "/proc is mounted and readable.", None)
    } else {
        let remedy = "mount it as root: `mount -t proc proc /proc`. In a container, start it \
                      without options that \
                      mask /proc.";
        (Verdict::Problem, "/proc/self/status cannot be read.", Some(remedy.to_owned()))
    };
    Finding {
        subject: "/proc",
        verdict,
        found: found.to_owned(),
        why: "Every chapter looks at processes through /proc, and chapter 01 is about nothing \
              else.",
        remedy,
    }
}

fn hidden_processes(facts: &Facts) -> Finding {
    let hidden = facts.hidepid.as_deref().filter(|value| !["0", "off"].contains(value));
    let (verdict, found, remedy) = match hidden {
        Some(value) if !facts.root => (
            Verdict::Note,
            format!(
                "/proc is mounted with hidepid={value}: you may look into your own \
                 processes only."
            ),
            Some(
                "as root, `mount -o remount,hidepid=off /proc`, or look at your own \
                  processes only."
                    .to_owned(),
            ),
        ),
        Some(value) => (
            Verdict::Ok,
            format!(
                "/proc is mounted with hidepid={value}, which \
                                              does not bind root."
            ),
            None,
        ),
        None => (Verdict::Ok, "No process is hidden from you.".to_owned(), None),
    };
    Finding {
        subject: "processes of others",
        verdict,
        found,
        why: "Some experiments look at process 1, or at a parent that belongs to another user.",
        remedy,
    }
}

fn smaps_rollup(facts: &Facts) -> Finding {
    let (verdict, found, remedy) = if facts.smaps_rollup {
        (Verdict::Ok, "/proc/self/smaps_rollup can be read.", None)
    } else {
        let remedy = "use a Linux kernel of version 4.14 or later with \
                      CONFIG_PROC_PAGE_MONITOR. Sandboxes that \
                      imitate a kernel, such as gVisor, do not have the file.";
        (Verdict::Problem, "/proc/self/smaps_rollup cannot be read.", Some(remedy.to_owned()))
    };
    Finding {
        subject: "memory of a process",
        verdict,
        found: found.to_owned(),
        why: "The file says how much memory is shared with other processes. Chapters 01 and \
              02 measure with it.",
        remedy,
    }
}

fn container(facts: &Facts) -> Finding {
    let (verdict, found, remedy) = if facts.container_signs.is_empty() {
        (Verdict::Ok, "No sign of a container.".to_owned(), None)
    } else {
        let remedy = "nothing has to be done. With `docker run --init`, process 1 reaps \
                      orphans; to see the machine \
                      itself, run the examples outside.";
        let found =
            format!("This looks like a container: {}.", facts.container_signs.join("; "));
        (Verdict::Note, found, Some(remedy.to_owned()))
    };
    Finding {
        subject: "container",
        verdict,
        found,
        why: "In a container process numbers begin at 1 again, orphans go to the container's \
              own process 1, which may \
              never reap them, and limits come from control groups.",
        remedy,
    }
}

fn user(facts: &Facts) -> Finding {
    let (verdict, found, remedy) = if facts.root {
        let remedy = "nothing has to be done; to see refusals, run the example as a user.";
        (Verdict::Note, "You are root.", Some(remedy.to_owned()))
    } else {
        (Verdict::Ok, "You are a user without privileges, as the pages assume.", None)
    };
    Finding {
        subject: "user",
        verdict,
        found: found.to_owned(),
        why: "Root may look into every process and is not held to RLIMIT_NPROC, so \
              experiments about permissions show \
              success where a user is refused.",
        remedy,
    }
}

fn seccomp(facts: &Facts) -> Finding {
    let (verdict, found, remedy) = match facts.seccomp {
        Some(0) => (Verdict::Ok, "System calls are not filtered.", None),
        None => (Verdict::Ok, "Whether system calls are filtered is unknown.", None),
        Some(_) => {
            let remedy = "nothing, unless an example reports EPERM or ENOSYS; then start the \
                          container with \
                          `--security-opt seccomp=unconfined`.";
            (Verdict::Note, "System calls pass a filter (seccomp).", Some(remedy.to_owned()))
        }
    };
    Finding {
        subject: "system calls",
        verdict,
        found: found.to_owned(),
        why: "A filter can refuse a call that the kernel has: pidfd_open, ptrace and unshare \
              are the usual ones.",
        remedy,
    }
}

fn tracing(facts: &Facts) -> Finding {
    let found = match facts.ptrace_scope {
        None => "You may trace all your processes (no Yama).",
        Some(0) => "You may trace all your processes (ptrace_scope 0).",
        Some(1) => {
            "You may trace what you start: `strace PROGRAM` works, `strace -p` needs root \
             (ptrace_scope 1)."
        }
        Some(2) if facts.root => "Only root may trace, and you are root (ptrace_scope 2).",
        Some(2) => {
            "Only root may trace (ptrace_scope 2). To change that: as root, `sysctl \
             kernel.yama.ptrace_scope=1`."
        }
        Some(_) => "Nobody may trace (ptrace_scope 3), until the next boot.",
    };
    Finding {
        subject: "tracing",
        verdict: Verdict::Ok,
        found: found.to_owned(),
        why: "Tools such as strace and gdb need this right. No page needs it.",
        remedy: None,
    }
}

fn tools(facts: &Facts) -> Finding {
    let found = match (facts.strace, facts.gdb) {
        (true, true) => "strace and gdb are here.",
        (true, false) => "strace is here, gdb is not.",
        (false, true) => "gdb is here; strace is not (`apt install strace`).",
        (false, false) => "strace and gdb are not here (`apt install strace gdb`).",
    };
    Finding {
        subject: "tools",
        verdict: Verdict::Ok,
        found: found.to_owned(),
        why: "strace shows each system call of a program. No page needs it, and looking is \
              worth it.",
        remedy: None,
    }
}

#[cfg(test)]
#[path = "findings_tests.rs"]
mod tests;
