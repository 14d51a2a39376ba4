//! The experiment `worker-count` at small scale. How fast a pool is depends on what else runs; what a process is told
//! does not.
#![cfg(target_os = "linux")]

mod groups;
mod running;

const PROGRAM: &str = env!("CARGO_BIN_EXE_worker_count");
const FREE: &str = "all processors";
const MASK: &str = "an affinity mask of one processor";
const QUOTA: &str = "a quota of one processor's time";

#[test]
fn a_mask_and_a_quota_change_what_may_be_used() {
    let finding = running::finding(PROGRAM, "worker-count");
    let told = |setting: &str| {
        let name = format!("with {setting}");
        finding.facts.iter().find(|fact| fact.name == name).map(|fact| fact.value.clone())
    };
    assert!(told(FREE).is_some());
    let told_by_mask = told(MASK).expect("a mask can always be set");
    assert!(told_by_mask.contains("allowed by affinity 1,"), "{told_by_mask}");
    assert!(told_by_mask.ends_with("recommended 1"), "{told_by_mask}");
    match told(QUOTA) {
        Some(told) => assert!(told.ends_with("recommended 1"), "{told}"),
        None => assert!(finding.notes.iter().any(|note| note.contains("quota")), "no note"),
    }
    let throughput = &finding.plots[0];
    assert_eq!(throughput.id, "throughput");
    let free = throughput.series(FREE).expect("a curve");
    assert!(free.points.len() >= 2 && free.points[0].x == 1.0, "{free:?}");
    for series in &throughput.series {
        assert_eq!(series.points.len(), free.points.len(), "{series:?}");
    }
    groups::assert_none_is_left();
}

#[test]
fn a_killed_run_leaves_nobody() {
    running::killed(PROGRAM);
    groups::assert_none_is_left();
}
