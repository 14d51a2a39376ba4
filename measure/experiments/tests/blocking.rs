//! The experiment `blocking` at small scale: the throughput grows with the workers, and so does their memory.
#![cfg(target_os = "linux")]

mod running;

use claims::shape;

const PROGRAM: &str = env!("CARGO_BIN_EXE_blocking");

#[test]
fn more_workers_than_processors_help_and_cost_memory() {
    let finding = running::finding(PROGRAM, "blocking");
    let measured = finding.plots[0].series("measured").expect("a curve");
    // Sixteen times the workers for each processor; a loaded machine leaves them a part of ten times the throughput.
    let best = measured.points.iter().map(|point| point.y).fold(0.0, f64::max);
    assert!(best > 1.5 * measured.points[0].y, "{measured:?}");
    let law = finding.plots[0].series("by Little's law").expect("a curve");
    assert_eq!(law.points.len(), measured.points.len());
    match finding.plots[1].series("all workers") {
        Some(memory) => {
            assert!(shape::growth(memory).is_some_and(|times| times > 1.5), "{memory:?}");
        }
        None => assert!(finding.notes.iter().any(|note| note.contains("memory")), "no note"),
    }
}

#[test]
fn a_killed_run_leaves_nobody() {
    running::killed(PROGRAM);
}
