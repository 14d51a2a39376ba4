//! The checks, on machines that nobody has at hand.

use super::*;
use crate::doctor::facts::{Cpus, Limit, Shm};
use crate::doctor::limits::{MIB, cpus};

/// A machine with nothing to complain about.
fn good() -> Facts {
    Facts {
        kernel: Some("6.1.0-18-amd64".into()),
        proc_mounted: true,
        hidepid: None,
        smaps_rollup: true,
        cpus: Cpus { machine: 8, allowed: 8, quota: None, recommended: 8 },
        processes: Limit { soft: Some(30_000), hard: Some(30_000) },
        descriptors: Limit { soft: Some(1024), hard: Some(524_288) },
        cgroup_pids_max: None,
        pid_max: Some(4_194_304),
        shm: Some(Shm { size_bytes: 4096 * MIB, free_bytes: 4000 * MIB }),
        memory_available_bytes: Some(8192 * MIB),
        container_signs: Vec::new(),
        root: false,
        seccomp: Some(0),
        ptrace_scope: Some(1),
        strace: true,
        gdb: false,
    }
}

/// The findings on `facts` that are not ok, by subject. Each must have a remedy, and only
/// these.
fn complaints(facts: &Facts) -> Vec<(&'static str, Verdict)> {
    let findings = judge(facts);
    for finding in &findings {
        assert_eq!(finding.remedy.is_some(), finding.verdict != Verdict::Ok, "{finding:?}");
        assert!(!finding.found.is_empty() && !finding.why.is_empty(), "{finding:?}");
    }
    findings
        .into_iter()
        .filter(|finding| finding.verdict != Verdict::Ok)
        .map(|finding| (finding.subject, finding.verdict))
        .collect()
}

#[test]
fn a_good_machine_has_no_complaints() {
    assert_eq!(complaints(&good()), []);
}

#[test]
fn old_kernels_are_problems_and_say_what_is_missing() {
    for (release, verdict, missing) in [
        ("5.10.0-28", Verdict::Note, "close_range"),
        ("5.4.0", Verdict::Note, "close_range"),
        ("4.19.0", Verdict::Problem, "pidfd"),
        ("4.4.0", Verdict::Problem, "pidfd"),
    ] {
        let facts = Facts { kernel: Some(release.into()), ..good() };
        assert_eq!(complaints(&facts), [("kernel", verdict)], "{release}");
        assert!(
            kernel(&facts).remedy.is_some_and(|remedy| remedy.contains(missing)),
            "{release}"
        );
    }
    for release in ["5.11.0", "5.15.153.1-microsoft-standard-WSL2", "6.0", "10.0.1"] {
        assert_eq!(
            complaints(&Facts { kernel: Some(release.into()), ..good() }),
            [],
            "{release}"
        );
    }
    assert_eq!(complaints(&Facts { kernel: None, ..good() }), [("kernel", Verdict::Note)]);
}

#[test]
fn a_machine_without_proc_has_problems() {
    let facts = Facts { proc_mounted: false, smaps_rollup: false, ..good() };
    assert_eq!(
        complaints(&facts),
        [("/proc", Verdict::Problem), ("memory of a process", Verdict::Problem)]
    );
}

#[test]
fn hidepid_hides_from_users_only() {
    let hidden = Facts { hidepid: Some("invisible".into()), ..good() };
    assert_eq!(complaints(&hidden), [("processes of others", Verdict::Note)]);
    let as_root = Facts { root: true, ..hidden };
    assert_eq!(complaints(&as_root), [("user", Verdict::Note)]);
    assert_eq!(complaints(&Facts { hidepid: Some("0".into()), ..good() }), []);
}

#[test]
fn one_core_and_a_small_quota_are_noted() {
    let one = Cpus { machine: 8, allowed: 1, quota: None, recommended: 1 };
    assert_eq!(complaints(&Facts { cpus: one, ..good() }), [("processors", Verdict::Note)]);
    let throttled = Cpus { machine: 8, allowed: 8, quota: Some(2.5), recommended: 3 };
    let facts = Facts { cpus: throttled, ..good() };
    assert_eq!(complaints(&facts), [("processors", Verdict::Note)]);
    assert!(cpus(&facts).found.contains("a quota of 2.50"));
    let ample = Cpus { machine: 8, allowed: 2, quota: Some(2.0), recommended: 2 };
    assert_eq!(complaints(&Facts { cpus: ample, ..good() }), []);
}

#[test]
fn low_limits_are_notes_and_very_low_ones_problems() {
    let limited = |soft| Limit { soft, hard: Some(4096) };
    for (soft, verdict) in [(Some(100), Verdict::Note), (Some(30), Verdict::Problem)] {
        let facts = Facts { processes: limited(soft), ..good() };
        assert_eq!(complaints(&facts), [("limit of processes", verdict)]);
        let facts = Facts { cgroup_pids_max: soft, root: true, ..facts };
        assert_eq!(
            complaints(&facts),
            [("processes of the control group", verdict), ("user", Verdict::Note)]
        );
    }
    assert_eq!(complaints(&Facts { processes: limited(None), ..good() }), []);
    for (soft, verdict) in [(Some(256), Verdict::Note), (Some(64), Verdict::Problem)] {
        let facts = Facts { descriptors: limited(soft), ..good() };
        assert_eq!(complaints(&facts), [("limit of descriptors", verdict)]);
    }
    assert_eq!(
        complaints(&Facts { pid_max: Some(1000), ..good() }),
        [("process numbers", Verdict::Note)]
    );
}

#[test]
fn little_memory_is_told() {
    let with = |bytes| Facts { memory_available_bytes: Some(bytes), ..good() };
    assert_eq!(complaints(&with(1024 * MIB)), [("memory", Verdict::Note)]);
    assert_eq!(complaints(&with(100 * MIB)), [("memory", Verdict::Problem)]);
}

#[test]
fn a_docker_container_is_recognised_and_explained() {
    let facts = Facts {
        container_signs: vec!["there is a file /.dockerenv".into()],
        shm: Some(Shm { size_bytes: 64 * MIB, free_bytes: 10 * MIB }),
        seccomp: Some(2),
        root: true,
        ..good()
    };
    let expected = ["shared memory", "container", "user", "system calls"];
    assert_eq!(complaints(&facts), expected.map(|subject| (subject, Verdict::Note)));
    assert!(container(&facts).found.contains("/.dockerenv"));
}

#[test]
fn what_no_page_needs_is_told_and_no_complaint() {
    for (scope, told) in [(None, "no Yama"), (Some(2), "as root"), (Some(3), "Nobody")] {
        let facts = Facts { ptrace_scope: scope, strace: false, gdb: false, ..good() };
        assert_eq!(complaints(&facts), []);
        assert!(tracing(&facts).found.contains(told), "{scope:?}");
        assert!(tools(&facts).found.contains("apt install strace gdb"));
    }
}

#[test]
fn another_system_is_told_how_to_get_linux() {
    let finding = other_system("macos");
    assert_eq!(finding.verdict, Verdict::Problem);
    assert!(
        finding.remedy.is_some_and(
            |remedy| remedy.contains("WSL 2") && remedy.contains("virtual machine")
        )
    );
}

#[test]
fn a_limit_is_raised_by_the_shell_only_as_far_as_the_hard_limit_goes() {
    for (hard, way) in
        [(Some(524_288), "ulimit -S -n"), (None, "ulimit -S -n"), (Some(200), "only root")]
    {
        let facts = Facts { descriptors: Limit { soft: Some(200), hard }, ..good() };
        let findings = judge(&facts);
        let remedies: Vec<_> =
            findings.iter().filter_map(|finding| finding.remedy.as_deref()).collect();
        assert_eq!(remedies.len(), 1);
        assert!(remedies[0].contains(way), "{hard:?}: {}", remedies[0]);
    }
}
