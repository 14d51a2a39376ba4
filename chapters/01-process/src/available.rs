//! How much memory a program may still take before somebody gets killed.

use crate::cgroup::limit;
use std::fs;
use std::path::Path;

/// The memory that this process may count on, in bytes: what the machine has available without swapping, and at most
/// what the cgroups of this process allow. `None` if `/proc/meminfo` cannot be read.
///
/// It is a guess about the next moment: other programs take memory too.
///
/// # References
/// man 5 proc_meminfo, "MemAvailable"; the kernel's Documentation/admin-guide/cgroup-v2.rst, "memory.max".
pub fn available_memory_bytes() -> Option<u64> {
    available(Path::new("/"))
}

/// The same with `root` standing for `/`.
fn available(root: &Path) -> Option<u64> {
    let meminfo = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    let limit = limit(root, "memory", "memory.limit_in_bytes", "memory.max");
    limit.into_iter().chain([kib.saturating_mul(1024)]).min()
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
