//! The experiment `limits` at small scale: its counts are exact where nobody else takes from the same limit.
#![cfg(target_os = "linux")]

mod groups;
mod running;

use claims::Verdict;

const PROGRAM: &str = env!("CARGO_BIN_EXE_limits");

#[test]
fn each_limit_that_was_met_refused_in_its_own_way() {
    let finding = running::finding(PROGRAM, "limits");
    assert_eq!(finding.verdict, Verdict::HalfTrue, "{}", finding.because);
    let value = |name: &str| {
        let fact = finding.facts.iter().find(|fact| fact.name == name);
        fact.map(|fact| fact.value.as_str())
    };
    let mut met = 0;
    for (name, errno, pool) in [
        ("RLIMIT_NPROC", "EAGAIN", "RLIMIT_NPROC"),
        ("pids.max", "EAGAIN", "pids.max"),
        ("pid_max", "EAGAIN", ""),
        ("RLIMIT_NOFILE", "EMFILE", "RLIMIT_NOFILE"),
        ("RLIMIT_AS", "ENOMEM", "RLIMIT_AS"),
    ] {
        let Some(what) = value(name) else {
            let is_noted = finding.notes.iter().any(|note| note.starts_with(name));
            assert!(is_noted, "{name} was not met, and no note says why");
            continue;
        };
        met += 1;
        assert!(what.ends_with(&format!("said {errno}")), "{name}: {what}");
        if !pool.is_empty() {
            let said = value(&format!("{name}, a pool")).expect("a pool was asked too");
            assert!(said.contains(pool), "{name}: {said}");
        }
    }
    // This one needs no right and no cgroup. Nor does RLIMIT_AS, but a program may abort where it gets no memory.
    assert!(met >= 1 && value("RLIMIT_NOFILE").is_some());
    let bars = &finding.plots[0];
    let (room, created) = (&bars.series[0], &bars.series[1]);
    for (room, created) in room.points.iter().zip(&created.points) {
        assert!(created.y <= room.y, "{bars:?}");
    }
    groups::assert_none_is_left();
}

#[test]
fn a_killed_run_leaves_nobody() {
    running::killed(PROGRAM);
    groups::assert_none_is_left();
}
