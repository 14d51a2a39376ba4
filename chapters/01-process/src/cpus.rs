//! How many processors there are, how many one may use, and for how much of the time.
//!
//! Three answers to "how many cores": the machine's, the affinity mask's (man 2 sched_setaffinity, man 7 cpuset),
//! and the cgroup's quota, which limits time and not which processors (the kernel's
//! Documentation/admin-guide/cgroup-v2.rst, "CPU", and scheduler/sched-bwc.rst for version 1).

use crate::cgroup::{self, Version};
use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;
use std::fs;
use std::path::Path;

// ANCHOR: cpus
/// How many processors a pool in this process may count on.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Cpus {
    /// Processors that the machine has and that are switched on.
    pub machine: usize,
    /// Processors that the affinity mask lets this process run on.
    pub allowed: usize,
    /// Processors' worth of time that the tightest cgroup quota above this process allows: 1.5 is one and a half
    /// second of work in each second. `None` if there is no quota.
    pub quota: Option<f64>,
    /// Workers for work that only computes: the smallest of the three, whole, at least 1.
    pub recommended: usize,
}
// ANCHOR_END: cpus

/// What this process may use at this moment. All of it can change while the process runs, and the affinity mask
/// is that of the calling thread.
///
/// What cannot be read counts as no limit: a number that is too high costs speed, a missing one would cost the pool.
///
/// ```
/// let cpus = process::cpus();
/// assert!((1..=cpus.machine).contains(&cpus.recommended));
/// ```
///
/// # References
/// man 2 sched_getaffinity; the kernel's admin-guide/cgroup-v2.rst ("cpu.max") and scheduler/sched-bwc.rst.
pub fn cpus() -> Cpus {
    let root = Path::new("/");
    let allowed = affinity();
    let machine = online(root).or(allowed).unwrap_or(1);
    Cpus::new(machine, allowed.unwrap_or(machine), quota(root))
}

// ANCHOR: recommended
impl Cpus {
    fn new(machine: usize, allowed: usize, quota: Option<f64>) -> Self {
        // Rounded down: a worker more than the quota pays for is stopped with the others in every period.
        let paid = quota.map_or(usize::MAX, |cpus| cpus as usize);
        Cpus { machine, allowed, quota, recommended: machine.min(allowed).min(paid).max(1) }
    }
}
// ANCHOR_END: recommended

/// How many processors are switched on. The list is `0-3,6,8-9`.
fn online(root: &Path) -> Option<usize> {
    let list = fs::read_to_string(root.join("sys/devices/system/cpu/online")).ok()?;
    list.trim().split(',').try_fold(0, |count: usize, range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        count.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })
}

/// The size of the affinity mask; `None` on a machine with more processors than the C library's mask has room for.
fn affinity() -> Option<usize> {
    let set = sched_getaffinity(Pid::from_raw(0)).ok()?;
    Some((0..CpuSet::count()).filter(|cpu| set.is_set(*cpu) == Ok(true)).count())
}

/// The tightest quota of this process's cgroup and of those above it, in processors, with `root` standing for `/`.
fn quota(root: &Path) -> Option<f64> {
    cgroup::folders(root, "cpu")
        .into_iter()
        .filter_map(|(version, folder)| match version {
            Version::V1 => quota_v1(&folder),
            Version::V2 => quota_v2(&folder),
        })
        .min_by(f64::total_cmp)
}

/// -1 if there is none.
fn quota_v1(folder: &Path) -> Option<f64> {
    let quota = fs::read_to_string(folder.join("cpu.cfs_quota_us")).ok()?;
    let period = fs::read_to_string(folder.join("cpu.cfs_period_us")).ok()?;
    ratio(quota.trim(), period.trim())
}

/// `QUOTA PERIOD` in microseconds, or `max PERIOD`.
fn quota_v2(folder: &Path) -> Option<f64> {
    let text = fs::read_to_string(folder.join("cpu.max")).ok()?;
    let mut words = text.split_whitespace();
    ratio(words.next()?, words.next()?)
}

fn ratio(quota_us: &str, period_us: &str) -> Option<f64> {
    let quota: f64 = quota_us.parse().ok()?;
    let period: f64 = period_us.parse().ok()?;
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::machine;

    const MOUNT_V2: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n";

    #[test]
    fn the_tightest_group_above_counts() {
        let root = machine(&[
            ("proc/self/cgroup", "0::/user.slice/session\n"),
            ("proc/self/mountinfo", MOUNT_V2),
            ("sys/fs/cgroup/user.slice/cpu.max", "150000 100000\n"),
            ("sys/fs/cgroup/user.slice/session/cpu.max", "max 100000\n"),
        ]);
        assert_eq!(quota(root.path()), Some(1.5));
    }

    #[test]
    fn a_container_sees_its_own_group_as_the_root() {
        let root = machine(&[
            ("proc/self/cgroup", "0::/\n"),
            ("proc/self/mountinfo", MOUNT_V2),
            ("sys/fs/cgroup/cpu.max", "50000 100000\n"),
        ]);
        assert_eq!(quota(root.path()), Some(0.5));
    }

    #[test]
    fn version_1_has_two_files_and_may_be_mounted_below_the_top() {
        let root = machine(&[
            ("proc/self/cgroup", "5:memory:/docker/c0\n4:cpu,cpuacct:/docker/c0\n0::/\n"),
            (
                "proc/self/mountinfo",
                "40 30 0:30 /docker/c0 /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n",
            ),
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
        ]);
        assert_eq!(quota(root.path()), Some(3.0));
    }

    #[test]
    fn no_quota_or_nonsense_is_no_limit() {
        for cpu_max in ["max 100000\n", "\n", "-1 100000", "100000 0", "x y"] {
            let root = machine(&[
                ("proc/self/cgroup", "0::/a\n"),
                ("proc/self/mountinfo", MOUNT_V2),
                ("sys/fs/cgroup/a/cpu.max", cpu_max),
            ]);
            assert_eq!(quota(root.path()), None, "{cpu_max:?}");
        }
        assert_eq!(quota(machine(&[]).path()), None);
    }

    #[test]
    fn a_quota_of_another_controller_is_none_of_ours() {
        let root = machine(&[
            ("proc/self/cgroup", "5:cpuset:/a\n2:cpuacct:/a\n"),
            (
                "proc/self/mountinfo",
                "40 30 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n",
            ),
            ("sys/fs/cgroup/cpuset/a/cpu.cfs_quota_us", "100000\n"),
            ("sys/fs/cgroup/cpuset/a/cpu.cfs_period_us", "100000\n"),
        ]);
        assert_eq!(quota(root.path()), None);
    }

    #[test]
    fn processors_that_are_switched_on_are_counted() {
        for (list, count) in [
            ("0\n", Some(1)),
            ("0-3\n", Some(4)),
            ("0-1,4,6-7\n", Some(5)),
            ("", None),
            ("3-1", None),
        ] {
            let root = machine(&[("sys/devices/system/cpu/online", list)]);
            assert_eq!(online(root.path()), count, "{list:?}");
        }
        assert_eq!(online(machine(&[]).path()), None);
    }

    #[test]
    fn recommended_is_the_smallest_whole_and_never_none() {
        assert_eq!(Cpus::new(8, 8, None).recommended, 8);
        assert_eq!(Cpus::new(8, 4, None).recommended, 4);
        assert_eq!(Cpus::new(8, 4, Some(2.9)).recommended, 2);
        assert_eq!(Cpus::new(8, 4, Some(0.5)).recommended, 1);
    }

    #[test]
    fn agrees_with_the_standard_library() {
        let std =
            std::thread::available_parallelism().expect("the standard library knows").get();
        assert_eq!(cpus().recommended, std);
    }
}
