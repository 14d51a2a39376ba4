//! Where the limits of this process's cgroup stand, and of the groups above it: the limits of all of them hold.
//!
//! A cgroup is a group of processes with common limits. Version 1 has one tree of groups for each set of controllers,
//! version 2 one tree for all.
//!
//! # References
//! man 7 cgroups; the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/cgroups.rst.

use procfs::process::{MountInfo, MountInfos};
use procfs::{FromBufRead, ProcessCGroups};
use std::fs;
use std::path::{Path, PathBuf};

/// The two kinds of trees, whose files have different names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
}

/// The tightest number that `controller` holds this process to, from the file of that name in version 1 or 2 of
/// cgroups. `None` if there is no limit, or none that can be read.
///
/// ```
/// // How many processes and threads this process's cgroups may have.
/// let pids_max: Option<u64> = process::cgroup_limit("pids", "pids.max", "pids.max");
/// ```
///
/// # References
/// man 7 cgroups; the kernel's Documentation/admin-guide/cgroup-v2.rst.
pub fn cgroup_limit(controller: &str, v1_file: &str, v2_file: &str) -> Option<u64> {
    limit(Path::new("/"), controller, v1_file, v2_file)
}

/// How many processes and threads the cgroups of this process allow, and how many there are already: `(max, current)` of
/// the group, its own or one above it, that has the least room. `None` if no group has a limit, or none that can be read.
///
/// ```
/// if let Some((max, current)) = process::cgroup_processes() {
///     println!("{current} of {max} processes and threads");
/// }
/// ```
///
/// # References
/// The kernel's Documentation/admin-guide/cgroup-v2.rst, "PID": `pids.max` and `pids.current`.
pub fn cgroup_processes() -> Option<(u64, u64)> {
    processes(Path::new("/"))
}

/// The same with `root` standing for `/`.
fn processes(root: &Path) -> Option<(u64, u64)> {
    let groups = folders(root, "pids").into_iter().filter_map(|(_, folder)| {
        let number = |file| fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok();
        Some((number("pids.max")?, number("pids.current")?))
    });
    groups.min_by_key(|(max, current): &(u64, u64)| max.saturating_sub(*current))
}

/// The same with `root` standing for `/`.
fn limit(root: &Path, controller: &str, v1_file: &str, v2_file: &str) -> Option<u64> {
    let numbers = folders(root, controller).into_iter().filter_map(|(version, folder)| {
        let file = match version {
            Version::V1 => v1_file,
            Version::V2 => v2_file,
        };
        // `max` is no number, and no limit.
        fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok()
    });
    numbers.min()
}

/// The folders with the limits that `controller` sets this process, with `root` standing for `/`: its own group's and
/// those above, as far up as the mounts show.
pub(crate) fn folders(root: &Path, controller: &str) -> Vec<(Version, PathBuf)> {
    let groups = read_proc::<ProcessCGroups>(root, "proc/self/cgroup");
    let mounts = read_proc::<MountInfos>(root, "proc/self/mountinfo");
    let (Some(groups), Some(mounts)) = (groups, mounts) else { return Vec::new() };
    let mut found = Vec::new();
    for group in &groups.0 {
        let Some(version) = Version::of(group.hierarchy, &group.controllers, controller) else {
            continue;
        };
        for mount in mounts.0.iter().filter(|mount| version.is_mounted_by(mount, controller)) {
            let upwards = upwards(root, mount, &group.pathname);
            found.extend(upwards.into_iter().map(|folder| (version, folder)));
        }
    }
    found
}

impl Version {
    /// From a line of `/proc/self/cgroup`; `None` if that tree has nothing to do with `controller`.
    fn of(hierarchy: u32, controllers: &[String], controller: &str) -> Option<Self> {
        if hierarchy == 0 && controllers.iter().all(String::is_empty) {
            return Some(Version::V2);
        }
        controllers.iter().any(|own| own == controller).then_some(Version::V1)
    }

    fn is_mounted_by(self, mount: &MountInfo, controller: &str) -> bool {
        match self {
            Version::V1 => {
                mount.fs_type == "cgroup" && mount.super_options.contains_key(controller)
            }
            Version::V2 => mount.fs_type == "cgroup2",
        }
    }
}

/// Where the files of the group `path` and of the groups above it are.
fn upwards(root: &Path, mount: &MountInfo, path: &str) -> Vec<PathBuf> {
    let mount_point = mount.mount_point.strip_prefix("/").unwrap_or(&mount.mount_point);
    let top = root.join(mount_point);
    // In a container the mount often begins at the container's own group, and the path may be seen from outside.
    let below = Path::new(path).strip_prefix(&mount.root).unwrap_or(Path::new(""));
    below.ancestors().map(|part| top.join(part)).collect()
}

fn read_proc<T: FromBufRead>(root: &Path, file: &str) -> Option<T> {
    let text = fs::read(root.join(file)).ok()?;
    T::from_buf_read(text.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::machine;

    const GROUP: (&str, &str) = ("proc/self/cgroup", "0::/user.slice/one\n");
    const MOUNT: (&str, &str) =
        ("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");

    #[test]
    fn of_all_groups_the_one_with_the_least_room_counts() {
        let with = |own_max| {
            let root = machine(&[
                GROUP,
                MOUNT,
                ("sys/fs/cgroup/user.slice/pids.max", "100\n"),
                ("sys/fs/cgroup/user.slice/pids.current", "95\n"),
                ("sys/fs/cgroup/user.slice/one/pids.max", own_max),
                ("sys/fs/cgroup/user.slice/one/pids.current", "8\n"),
            ]);
            processes(root.path())
        };
        assert_eq!(with("max\n"), Some((100, 95)));
        assert_eq!(with("20\n"), Some((100, 95)));
        assert_eq!(with("10\n"), Some((10, 8)));
        // A limit may be lowered below what there is.
        assert_eq!(with("5\n"), Some((5, 8)));
    }

    #[test]
    fn without_a_limit_or_its_files_there_is_none() {
        let unlimited = ("sys/fs/cgroup/user.slice/one/pids.max", "max\n");
        assert_eq!(processes(machine(&[GROUP, MOUNT, unlimited]).path()), None);
        let uncounted = ("sys/fs/cgroup/user.slice/one/pids.max", "7\n");
        assert_eq!(processes(machine(&[GROUP, MOUNT, uncounted]).path()), None);
        assert_eq!(processes(machine(&[]).path()), None);
    }
}
