//! The experiment `cost-of-a-process` at small scale: more workers take more memory, and RSS counts a heap that is not
//! theirs.
#![cfg(target_os = "linux")]

mod running;

use claims::{Verdict, shape};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cost_of_a_process");

#[test]
fn workers_add_memory_and_rss_adds_the_heap() {
    let finding = running::finding(PROGRAM, "cost-of-a-process");
    assert!(
        matches!(finding.verdict, Verdict::True | Verdict::HalfTrue),
        "{:?}: {}",
        finding.verdict,
        finding.because
    );
    let plot = |id: &str| finding.plots.iter().find(|plot| plot.id == id).expect("a plot");
    let added = plot("added");
    for way in ["fork", "forkserver", "spawn"] {
        let series = added.series(way).unwrap_or_else(|| panic!("{way}: {:?}", finding.notes));
        assert!(shape::growth(series).expect("two sizes") > 1.1, "{series:?}");
    }
    let heap = plot("with-a-heap");
    let (forked, spawned) =
        (heap.series("forked").expect("bars"), heap.series("spawned").expect("bars"));
    let [rss, own] = [0.0, 2.0].map(|category| forked.at(category).expect("a bar"));
    assert!(rss > 3.0 * own, "{forked:?}");
    assert!(rss > 3.0 * spawned.at(0.0).expect("a bar"), "{heap:?}");
}

#[test]
fn a_killed_run_leaves_nobody() {
    running::killed(PROGRAM);
}
