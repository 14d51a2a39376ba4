//! What the record says about the claim.
//!
//! Invariant: nothing here measures.

use crate::births::Births;
use crate::shared::Shared;
use crate::time::Cost;
use claims::Verdict;

/// The verdict, and why.
pub(crate) fn judge(
    births: Option<&Births>,
    thread: &Shared,
    fork: &Shared,
    costs: &[Cost],
) -> (Verdict, String) {
    let time = costs.last().map_or_else(String::new, |cost| {
        format!(
            " With {} MiB in use a thread took {:.0} µs and a fork {:.0} µs.",
            cost.heap_mib, cost.thread_us, cost.fork_us
        )
    });
    if thread == fork {
        return (
            Verdict::Undecided,
            format!("A thread and a forked process could not be told apart here.{time}"),
        );
    }
    let Some(births) = births else {
        let because = format!(
            "A thread shares {}, and a forked process {}, so the kernel was not asked for the same.{time}",
            thread.words(),
            fork.words()
        );
        return (Verdict::False, because);
    };
    let has = |flags: &[String], name: &str| flags.iter().any(|flag| flag == name);
    if births.thread == births.fork {
        return (
            Verdict::True,
            format!(
                "Thread and fork gave the kernel the same flags: {}.{time}",
                births.fork.join(" ")
            ),
        );
    }
    let shares = |flags: &[String]| if has(flags, "VM") { "with" } else { "without" };
    let because = format!(
        "Both are a clone, but for a thread {} THREAD and {} VM (one process, one memory), for a fork {} THREAD and {} VM.{time}",
        if has(&births.thread, "THREAD") { "with" } else { "without" },
        shares(&births.thread),
        if has(&births.fork, "THREAD") { "with" } else { "without" },
        shares(&births.fork),
    );
    (Verdict::False, because)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREAD: Shared = Shared { memory: true, descriptors: true, pid: true };
    const FORK: Shared = Shared { memory: false, descriptors: false, pid: false };

    fn births(thread: &[&str], fork: &[&str]) -> Births {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Births { thread: owned(thread), fork: owned(fork), command: owned(&["VM", "VFORK"]) }
    }

    #[test]
    fn other_flags_make_it_false() {
        let cost = Cost { heap_mib: 512, thread_us: 30.0, fork_us: 9000.0 };
        let seen = births(&["VM", "THREAD"], &["SIGCHLD"]);
        let (verdict, because) = judge(Some(&seen), &THREAD, &FORK, &[cost]);
        assert_eq!(verdict, Verdict::False);
        assert!(because.contains("for a fork without THREAD and without VM"), "{because}");
        assert!(because.ends_with("a thread took 30 µs and a fork 9000 µs."), "{because}");
    }

    #[test]
    fn without_ptrace_what_is_shared_tells() {
        let (verdict, because) = judge(None, &THREAD, &FORK, &[]);
        assert_eq!(verdict, Verdict::False);
        assert!(because.contains("memory, descriptors, pid"), "{because}");
    }

    #[test]
    fn the_same_flags_would_make_it_true() {
        assert_eq!(
            judge(Some(&births(&["VM"], &["VM"])), &THREAD, &FORK, &[]).0,
            Verdict::True
        );
    }

    #[test]
    fn two_that_are_alike_leave_it_undecided() {
        assert_eq!(judge(None, &FORK, &FORK, &[]).0, Verdict::Undecided);
    }
}
