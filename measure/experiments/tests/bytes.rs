//! The experiment `bytes` at small scale: every way delivers what was sent, and the curves have their shape.
#![cfg(target_os = "linux")]

mod running;

use claims::shape::growth;
use claims::{Finding, Verdict};
use std::fs;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bytes");

/// The ways that need nothing that a system could refuse.
const ALWAYS: [&str; 5] = ["pipe", "socketpair", "eventfd + memfd", "ring", "descriptor"];

/// A loaded machine can hide the shape of times once. It does not hide it so many times in a row.
const ATTEMPTS: usize = 5;

#[test]
fn every_way_delivers_all_bytes_and_only_a_descriptor_does_not_care_how_many() {
    let mut why = String::new();
    for _ in 0..ATTEMPTS {
        let finding = running::finding(PROGRAM, "bytes");
        check_ways(&finding);
        match check_shape(&finding) {
            Ok(()) => return,
            Err(error) => why = error,
        }
    }
    panic!("{ATTEMPTS} times in a row: {why}");
}

#[test]
fn a_killed_run_leaves_nobody_and_no_queue() {
    running::killed(PROGRAM);
    // Where the file system of the queues is mounted, a queue with a name would be seen.
    if let Ok(entries) = fs::read_dir("/dev/mqueue") {
        let ours = entries.flatten().any(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let pid =
                name.strip_prefix("from-fork-to-pool-").and_then(|it| it.split('-').next());
            pid.is_some_and(|pid| !fs::exists(format!("/proc/{pid}")).unwrap_or(true))
        });
        assert!(!ours, "a message queue was left behind");
    }
}

/// What no load can change.
fn check_ways(finding: &Finding) {
    assert_eq!(finding.verdict, Verdict::True, "{}", finding.because);
    let compared = finding.facts.iter().find(|fact| fact.name.contains("compared"));
    let compared = compared.expect("the number of messages that were compared");
    assert!(compared.value.ends_with("all of them whole"), "{compared:?}");
    let [time, rate] = finding.plots.as_slice() else {
        panic!("{} plots", finding.plots.len())
    };
    for way in ALWAYS {
        assert_eq!(time.series(way).map_or(0, |it| it.points.len()), 3, "{way}: {finding:?}");
    }
    // What is refused is an empty curve, with a note that says why.
    for plot in [time, rate] {
        assert_eq!(plot.series.len(), 8);
        let empty = plot.series.iter().filter(|it| it.points.is_empty()).count();
        assert!(empty <= finding.notes.len(), "{empty} curves are empty: {:?}", finding.notes);
    }
    assert!(rate.series("memcpy").is_some() && rate.series("descriptor").is_none());
}

/// From 8 bytes to 1 MiB a copy takes several times as long, and carries far more in a second; a descriptor takes as long
/// as before, compared with what is copied.
fn check_shape(finding: &Finding) -> Result<(), String> {
    let [time, rate] = finding.plots.as_slice() else {
        panic!("{} plots", finding.plots.len())
    };
    let copied = |name: &str| name != "descriptor";
    for series in time.series.iter().filter(|it| copied(&it.name) && !it.points.is_empty()) {
        if growth(series).is_none_or(|factor| factor < 2.0) {
            return Err(format!("time does not grow: {series:?}"));
        }
    }
    for series in rate.series.iter().filter(|it| !it.points.is_empty()) {
        if growth(series).is_none_or(|factor| factor < 3.0) {
            return Err(format!("the rate does not grow: {series:?}"));
        }
    }
    let descriptor = time.series("descriptor").and_then(growth);
    if descriptor.is_none_or(|factor| factor > 3.0) {
        return Err(format!("a descriptor takes longer for more bytes: {descriptor:?}"));
    }
    Ok(())
}
