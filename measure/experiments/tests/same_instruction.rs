//! The experiment `same-instruction` at small scale. Registers, threads and page tables are exact, so they are held to be.
#![cfg(target_os = "linux")]

mod running;

use claims::Verdict;

const PROGRAM: &str = env!("CARGO_BIN_EXE_same_instruction");

#[test]
fn registers_are_copied_and_memory_is_not() {
    let finding = running::finding(PROGRAM, "same-instruction");
    assert_eq!(finding.verdict, Verdict::HalfTrue, "{}", finding.because);
    let value = |name: &str| {
        finding.facts.iter().find(|fact| fact.name == name).map(|fact| fact.value.as_str())
    };
    assert_eq!(value("threads of the parent"), Some("4"));
    assert_eq!(value("threads of the child"), Some("1"));
    if finding.notes.is_empty() {
        assert!(value("registers that are equal").is_some(), "{:?}", finding.facts);
    }
    let plot = &finding.plots[0];
    let tables = plot.series("page tables").expect("a curve");
    let pages = plot.series("pages").expect("a curve");
    let (first, last) = (tables.points[0], tables.points[tables.points.len() - 1]);
    assert!(last.y < last.x * 1024.0 * 1024.0 / 16.0, "{tables:?}");
    assert!(last.y > first.y, "{tables:?}");
    assert!(pages.points.iter().all(|point| point.y < 4.0 * 1024.0 * 1024.0), "{pages:?}");
}

#[test]
fn a_killed_run_leaves_nobody() {
    running::killed(PROGRAM);
}
