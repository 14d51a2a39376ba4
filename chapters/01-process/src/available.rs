//! How much memory a program may still take before somebody gets killed.

use crate::cgroup::{self, Version};
use std::fs;
use std::path::Path;

/// The memory that this process may count on, in bytes: what the machine has available without swapping, and at most
/// what the cgroups of this process have left. `None` if `/proc/meminfo` cannot be read.
///
/// It is a guess about the next moment: other programs take memory too.
///
/// # References
/// man 5 proc_meminfo, "MemAvailable"; the kernel's Documentation/admin-guide/cgroup-v2.rst, "memory.max",
/// "memory.current" and "memory.stat".
pub fn available_memory_bytes() -> Option<u64> {
    available(Path::new("/"))
}

/// The same with `root` standing for `/`.
fn available(root: &Path) -> Option<u64> {
    let meminfo = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    let groups = cgroup::folders(root, "memory");
    let left = groups.iter().filter_map(|(version, folder)| left(*version, folder));
    left.chain([kib.saturating_mul(1024)]).min()
}

/// What one group may still take, in bytes; `None` if it has no limit.
fn left(version: Version, folder: &Path) -> Option<u64> {
    let (max, current, reclaimable) = match version {
        Version::V1 => {
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        }
        Version::V2 => ("memory.max", "memory.current", "inactive_file"),
    };
    // `max` is no number, and no limit.
    let number = |file| fs::read_to_string(folder.join(file)).ok()?.trim().parse::<u64>().ok();
    let max = number(max)?;
    let used = number(current).unwrap_or(0);
    // Copies of files that nobody has used lately count as the group's, and are given back when the room is needed.
    let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let mut lines = stat.lines().filter_map(|line| line.split_once(' '));
    let reclaimable = lines.find(|(name, _)| *name == reclaimable);
    let reclaimable: u64 =
        reclaimable.and_then(|(_, bytes)| bytes.trim().parse().ok()).unwrap_or(0);
    Some(max.saturating_sub(used.saturating_sub(reclaimable)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::machine;

    const MEMINFO: (&str, &str) =
        ("proc/meminfo", "MemTotal:        4096 kB\nMemAvailable:    2048 kB\n");

    #[test]
    fn without_limits_it_is_what_the_machine_has() {
        assert_eq!(available(machine(&[MEMINFO]).path()), Some(2048 << 10));
        assert_eq!(available(machine(&[]).path()), None);
        assert_eq!(available(machine(&[("proc/meminfo", "MemTotal: 1 kB\n")]).path()), None);
    }

    #[test]
    fn the_tightest_group_above_counts() {
        let root = machine(&[
            MEMINFO,
            ("proc/self/cgroup", "0::/user.slice/one\n"),
            ("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
            ("sys/fs/cgroup/user.slice/memory.max", "1048576\n"),
            ("sys/fs/cgroup/user.slice/one/memory.max", "max\n"),
        ]);
        assert_eq!(available(root.path()), Some(1 << 20));
    }

    #[test]
    fn what_a_group_has_taken_is_gone_but_not_its_copies_of_files() {
        let with = |current, stat| {
            let root = machine(&[
                MEMINFO,
                ("proc/self/cgroup", "0::/one\n"),
                (
                    "proc/self/mountinfo",
                    "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
                ),
                ("sys/fs/cgroup/one/memory.max", "10000\n"),
                ("sys/fs/cgroup/one/memory.current", current),
                ("sys/fs/cgroup/one/memory.stat", stat),
            ]);
            available(root.path())
        };
        assert_eq!(with("7000\n", "anon 5000\ninactive_file 1500\n"), Some(4500));
        assert_eq!(with("7000\n", "nonsense\ninactive_file\n"), Some(3000));
        assert_eq!(with("12000\n", ""), Some(0));
        assert_eq!(with("1000\n", "inactive_file 2000\n"), Some(10000));
    }

    #[test]
    fn version_1_has_a_file_of_another_name_and_a_huge_number_for_none() {
        let limit = "sys/fs/cgroup/memory/memory.limit_in_bytes";
        let with = |bytes| {
            let root = machine(&[
                MEMINFO,
                ("proc/self/cgroup", "5:memory:/docker/c0\n0::/\n"),
                (
                    "proc/self/mountinfo",
                    "40 30 0:30 /docker/c0 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
                ),
                (limit, bytes),
            ]);
            available(root.path())
        };
        assert_eq!(with("4096\n"), Some(4096));
        assert_eq!(with("9223372036854771712\n"), Some(2048 << 10));
    }
}
