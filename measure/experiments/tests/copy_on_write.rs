//! The experiment `copy-on-write` at small scale: its counts are exact, so they are held to be.
#![cfg(target_os = "linux")]

mod running;

use claims::Verdict;

const PROGRAM: &str = env!("CARGO_BIN_EXE_copy_on_write");

#[test]
fn who_writes_gets_a_page_for_each_page() {
    let finding = running::finding(PROGRAM, "copy-on-write");
    if finding.verdict == Verdict::Undecided {
        assert!(!finding.notes.is_empty(), "undecided, and no note says why");
        return;
    }
    assert_eq!(finding.verdict, Verdict::True, "{}", finding.because);
    let plot = &finding.plots[0];
    for writer in [
        "the child writes one byte in each",
        "the child writes each whole page",
        "the parent writes",
    ] {
        let series = plot.series(writer).expect("a curve for each writer");
        let most = series.points.last().expect("points").x;
        for point in &series.points {
            assert!((point.x - point.y).abs() <= most / 16.0, "{writer}: {point:?}");
        }
    }
    let reader = plot.series("the child only reads").expect("a curve for who reads");
    let most = reader.points.last().expect("points").x;
    assert!(reader.points.iter().all(|point| point.y <= most / 16.0), "{reader:?}");
}

#[test]
fn a_killed_run_leaves_nobody() {
    running::killed(PROGRAM);
}
