//! The experiment `threads-by-fork` at small scale. The flags are exact, so they are held to be.
#![cfg(target_os = "linux")]

mod running;

use claims::Verdict;

const PROGRAM: &str = env!("CARGO_BIN_EXE_threads_by_fork");

#[test]
fn a_thread_and_a_fork_ask_for_different_things() {
    let finding = running::finding(PROGRAM, "threads-by-fork");
    assert_eq!(finding.verdict, Verdict::False, "{}", finding.because);
    let value = |name: &str| {
        let fact = finding.facts.iter().find(|fact| fact.name == name);
        fact.map(|fact| fact.value.split(' ').collect::<Vec<_>>())
    };
    assert_eq!(
        value("a thread shares with its maker"),
        Some(vec!["memory,", "descriptors,", "pid"])
    );
    assert_eq!(
        value("a forked process shares with its maker").map(|words| words[0]),
        Some("none")
    );
    match value("flags for a thread") {
        Some(thread) => {
            let fork = value("flags for a fork").expect("both or none");
            assert!(thread.contains(&"VM") && thread.contains(&"THREAD"), "{thread:?}");
            assert!(!fork.contains(&"VM") && fork.contains(&"SIGCHLD"), "{fork:?}");
        }
        None => assert!(!finding.notes.is_empty(), "no flags, and no note says why"),
    }
    let plot = &finding.plots[0];
    assert_eq!(plot.series("fork").map(|series| series.points.len()), Some(2));
}

#[test]
fn a_killed_run_leaves_nobody() {
    running::killed(PROGRAM);
}
