//! The experiment `cpu-bound` at small scale: its form. Whether more workers help depends on what else runs.
#![cfg(target_os = "linux")]

mod running;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cpu_bound");

#[test]
fn throughput_and_what_it_costs_others() {
    let finding = running::finding(PROGRAM, "cpu-bound");
    let curve = finding.plots[0].series("measured").expect("a curve");
    assert!(curve.points.len() >= 2 && curve.points[0].x == 1.0, "{curve:?}");
    let bars = &finding.plots[1];
    assert_eq!(bars.categories.first().map(String::as_str), Some("no pool"));
    let block = bars.series("time for 10 ms of work").expect("bars");
    assert_eq!(block.points.len(), bars.categories.len());
    // Nobody does the work in less time than it takes; a fifth is for a clock rate that changes.
    assert!(block.points.iter().all(|point| point.y > 2.0), "{block:?}");
    let late = bars.series("woken too late (p99)").expect("bars");
    assert!(late.points.iter().all(|point| point.y >= 0.0), "{late:?}");
}

#[test]
fn a_killed_run_leaves_nobody() {
    running::killed(PROGRAM);
}
