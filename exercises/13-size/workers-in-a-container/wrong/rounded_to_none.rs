//! WRONG_ANSWER: rounds down to no worker at all.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// As many workers as processors that this process may use, at least 1. `root` stands for `/` in all files that are read.
///
/// What cannot be read is no limit.
pub fn workers(root: &Path) -> usize {
    let online = read(root, "sys/devices/system/cpu/online").map(|list| cpus(&list));
    let allowed = read(root, "proc/self/status").and_then(|status| {
        status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).map(cpus)
    });
    let usable = match (online, allowed) {
        (Some(online), Some(allowed)) => online.intersection(&allowed).count(),
        (Some(known), None) | (None, Some(known)) => known.len(),
        (None, None) => 1,
    };
    // A worker more than is paid for gets all of them stopped, so a part of a processor does not count.
    let paid = quota(root).map_or(usize::MAX, |cpus| cpus as usize);
    usable.min(paid)
}

/// The tightest quota of this process's group and of those above it, in processors.
fn quota(root: &Path) -> Option<f64> {
    let groups = read(root, "proc/self/cgroup")?;
    let folders = groups.lines().flat_map(folders);
    let quotas = folders.filter_map(|folder| {
        let file = |name| read(root, folder.join(name));
        match (file("cpu.max"), file("cpu.cfs_quota_us"), file("cpu.cfs_period_us")) {
            (Some(both), ..) => {
                both.split_once(' ').and_then(|(quota, period)| ratio(quota, period))
            }
            (_, Some(quota), Some(period)) => ratio(&quota, &period),
            _ => None,
        }
    });
    quotas.min_by(f64::total_cmp)
}

/// The folders of the groups that a line of `/proc/self/cgroup` is about, if they can limit processors.
fn folders(line: &str) -> Vec<PathBuf> {
    let parts: Vec<&str> = line.splitn(3, ':').collect();
    let [_, controllers, path] = parts[..] else { return Vec::new() };
    let top = match controllers {
        "" => "sys/fs/cgroup",
        list if list.split(',').any(|name| name == "cpu") => "sys/fs/cgroup/cpu",
        _ => return Vec::new(),
    };
    let path = Path::new(path.trim_start_matches('/'));
    path.ancestors().map(|group| Path::new(top).join(group)).collect()
}

/// Processors' worth of time. `max` and -1 are no limit.
fn ratio(quota_us: &str, period_us: &str) -> Option<f64> {
    let quota: f64 = quota_us.trim().parse().ok()?;
    let period: f64 = period_us.trim().parse().ok()?;
    (quota >= 0.0).then(|| quota / period)
}

/// Given: a file's text, or `None` if it cannot be read.
fn read(root: &Path, path: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(root.join(path)).ok()
}

/// Given: the processors of a list such as `0-3,6`.
fn cpus(list: &str) -> BTreeSet<usize> {
    let ranges = list.trim().split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse().ok()?..=last.parse().ok()?)
    });
    ranges.flatten().collect()
}
