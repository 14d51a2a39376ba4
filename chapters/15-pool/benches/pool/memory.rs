//! What a process has, for the rows that count it.

use process::{Memory, Snapshot};

/// The memory of this process.
pub(crate) fn own() -> Memory {
    Snapshot::this().expect("/proc").memory
}

/// The memory of another process of this user.
pub(crate) fn of(pid: u32) -> Memory {
    Snapshot::of(pid as i32).expect("a process of this user").memory
}

/// The number of open descriptors of this process.
pub(crate) fn descriptors() -> usize {
    Snapshot::this().expect("/proc").descriptors.len()
}

/// Processor time of all threads of a process, in seconds.
///
/// # References
/// The kernel's Documentation/scheduler/sched-stats.rst, "/proc/<pid>/schedstat".
pub(crate) fn processor_seconds(pid: u32) -> f64 {
    let threads =
        std::fs::read_dir(format!("/proc/{pid}/task")).expect("a process of this user");
    threads
        .filter_map(|thread| {
            std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()
        })
        .filter_map(|text| text.split(' ').next()?.parse::<f64>().ok())
        .sum::<f64>()
        / 1e9
}
