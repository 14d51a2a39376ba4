//! The experiment `time-slices` at small scale. Nobody knows what else the machine does, so only what a scheduler must do
//! is asked for: a crowd waits, and each of it gets less than a lone process.
#![cfg(target_os = "linux")]

mod running;

use claims::Verdict;

const PROGRAM: &str = env!("CARGO_BIN_EXE_time_slices");

#[test]
fn a_crowd_shares_the_core() {
    let finding = running::finding(PROGRAM, "time-slices");
    let times = &finding.plots[0];
    let waits = times.series("it is ready and waits").expect("a curve");
    // Of 4 on one core each waits for at least half of the time, whoever else there is.
    assert!(waits.at(4.0).expect("4 processes") > 50.0, "{waits:?}");
    let runs = times.series("it runs").expect("a curve");
    assert!(runs.at(4.0).expect("4 processes") < 50.0, "{runs:?}");
    let turns = finding.plots[1].series("until it is stopped").expect("a curve");
    assert!(turns.points.iter().all(|point| point.y > 0.0), "{turns:?}");
    let nice = &finding.plots[2];
    let (first, other) = (nice.series("the process with nice 0"), nice.series("the other one"));
    let (first, other) = (first.expect("bars").at(2.0), other.expect("bars").at(2.0));
    // By their weights it is 9 times as much.
    assert!(first.expect("nice 10") > 3.0 * other.expect("nice 10"), "{nice:?}");
    if finding.verdict == Verdict::HalfTrue {
        assert!(finding.because.contains("a lone one ran"), "{}", finding.because);
    }
}

#[test]
fn a_killed_run_leaves_nobody() {
    running::killed(PROGRAM);
}
