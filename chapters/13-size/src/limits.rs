//! What bounds the number of processes here, and which bound comes first.
//!
//! No library sets any of these limits. The kernel does, when it is asked for a process, and it says no by an errno that
//! does not name the limit: EAGAIN stands for four of them.
//!
//! # References
//! man 2 fork, "ERRORS"; man 2 getrlimit; man 5 proc_sys_kernel, "pid_max" and "threads-max"; the kernel's
//! Documentation/admin-guide/cgroup-v2.rst, "PID".

use nix::errno::Errno;
use nix::sys::resource::{RLIM_INFINITY, getrlimit};
use nix::unistd::{Uid, getuid};
use std::fmt;
use std::fs;
use std::path::Path;

// ANCHOR: limit
/// One thing that bounds the number of processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limit {
    /// What there is only so much of.
    pub resource: Resource,
    /// How much there may be: processes and threads, descriptors, or bytes.
    pub max: u64,
    /// How much of it is in use, or `None` if that cannot be seen.
    pub used: Option<u64>,
    /// Whether the kernel holds this process to it: root may have more processes than RLIMIT_NPROC.
    pub binding: bool,
}

/// What there is only so much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Resource {
    /// Processes and threads of this user: RLIMIT_NPROC.
    UserProcesses,
    /// Processes and threads of this process's cgroup, or of one above it: pids.max.
    GroupProcesses,
    /// Processes and threads of the whole system: kernel.threads-max.
    Threads,
    /// Numbers for processes and threads: kernel.pid_max.
    ProcessNumbers,
    /// Descriptors of this process, of which a pool needs some for each worker: RLIMIT_NOFILE.
    Descriptors,
    /// Memory, in bytes: what is available, and at most what the cgroups allow.
    Memory,
}
// ANCHOR_END: limit

/// What one more worker needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Processes and threads.
    pub tasks: u64,
    /// Descriptors in the program.
    pub descriptors: u64,
    /// Memory that nobody shares with it, in bytes.
    pub memory_bytes: u64,
}

impl Default for Cost {
    /// A worker of the finished pool that has done nothing yet: one process, 4 descriptors in the program, and less than
    /// 1 MiB of its own. Its tasks may need more; `cargo run -- measure cost-of-a-process` measures it.
    fn default() -> Cost {
        Cost { tasks: 1, descriptors: 4, memory_bytes: 1 << 20 }
    }
}

impl Resource {
    /// All of them, in the order of [`limits`].
    pub const ALL: [Resource; 6] = [
        Resource::UserProcesses,
        Resource::GroupProcesses,
        Resource::Threads,
        Resource::ProcessNumbers,
        Resource::Descriptors,
        Resource::Memory,
    ];

    /// What the kernel answers when there is no more of it. For memory it seldom comes to that: the kernel promises more
    /// than it has, and kills a process later.
    pub fn errno(self) -> Errno {
        match self {
            Resource::UserProcesses
            | Resource::GroupProcesses
            | Resource::Threads
            | Resource::ProcessNumbers => Errno::EAGAIN,
            Resource::Descriptors => Errno::EMFILE,
            Resource::Memory => Errno::ENOMEM,
        }
    }

    /// How to get more of it.
    pub fn remedy(self) -> &'static str {
        match self {
            Resource::UserProcesses => {
                "`ulimit -u` in the shell, up to the hard limit; LimitNPROC of the systemd unit"
            }
            Resource::GroupProcesses => {
                "`--pids-limit` of the container, TasksMax of the systemd unit, or the cgroup's pids.max"
            }
            Resource::Threads => "as root, `sysctl kernel.threads-max=N`",
            Resource::ProcessNumbers => "as root, `sysctl kernel.pid_max=N`",
            Resource::Descriptors => {
                "`ulimit -n` in the shell, up to the hard limit; LimitNOFILE of the systemd unit"
            }
            Resource::Memory => {
                "fewer workers, smaller tasks, or more memory for the cgroup or the machine"
            }
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Resource::UserProcesses => "processes of this user (RLIMIT_NPROC)",
            Resource::GroupProcesses => "processes of the cgroup (pids.max)",
            Resource::Threads => "threads of the system (kernel.threads-max)",
            Resource::ProcessNumbers => "process numbers (kernel.pid_max)",
            Resource::Descriptors => "descriptors of this process (RLIMIT_NOFILE)",
            Resource::Memory => "memory (available)",
        })
    }
}

impl Limit {
    fn new(resource: Resource, max: u64, used: Option<u64>) -> Limit {
        Limit { resource, max, used, binding: true }
    }

    /// How many more workers of this cost fit under the limit; [`u64::MAX`] if it does not bind them at all. What is in use is
    /// taken for nothing where it cannot be seen.
    pub fn room(&self, cost: Cost) -> u64 {
        let each = match self.resource {
            Resource::Descriptors => cost.descriptors,
            Resource::Memory => cost.memory_bytes,
            _ => cost.tasks,
        };
        match each {
            _ if !self.binding => u64::MAX,
            0 => u64::MAX,
            _ => self.max.saturating_sub(self.used.unwrap_or(0)) / each,
        }
    }
}

/// The limits of this process at this moment. One that is unlimited or cannot be read is not in the list.
///
/// It looks at every process in `/proc` once, which takes some milliseconds on a busy machine. Processes that `/proc` does
/// not show, such as the same user's in another container, count for the kernel and are not counted here.
pub fn limits() -> Vec<Limit> {
    let mut limits = look(Path::new("/"), getuid());
    for limit in &mut limits {
        if limit.resource == Resource::UserProcesses {
            limit.binding = !is_exempt();
        }
    }
    limits
}

/// The limit that most likely stands behind `errno` from fork or another call that makes a process: of those that the
/// kernel reports so and holds this process to, the one with the least room. `None` if the number stands for none of them.
///
/// ```
/// use nix::errno::Errno;
///
/// assert_eq!(size::refused_by(Errno::EPERM), None);
/// if let Some(limit) = size::refused_by(Errno::EAGAIN) {
///     println!("the most likely limit is that of {}: {}", limit.resource, limit.resource.remedy());
/// }
/// ```
pub fn refused_by(errno: Errno) -> Option<Limit> {
    likely(limits(), errno)
}

fn likely(limits: Vec<Limit>, errno: Errno) -> Option<Limit> {
    let candidates = limits.into_iter().filter(|it| it.binding && it.resource.errno() == errno);
    candidates.min_by_key(|limit| limit.room(Cost::default()))
}

// ANCHOR: room
/// How many more workers of this cost the system lets this process have, and the limit that comes first. `None` if no
/// limit could be read.
///
/// Other programs take from the same limits, so this is no promise: whoever forks has to deal with a refusal.
pub fn room(cost: Cost) -> Option<(u64, Limit)> {
    first(limits(), cost)
}

fn first(limits: Vec<Limit>, cost: Cost) -> Option<(u64, Limit)> {
    limits.into_iter().map(|limit| (limit.room(cost), limit)).min_by_key(|(room, _)| *room)
}
// ANCHOR_END: room

/// The same with `root` standing for `/` wherever a file is read.
fn look(root: &Path, user: Uid) -> Vec<Limit> {
    let tasks = all_tasks(root);
    let own = |resource| getrlimit(resource).ok().map(|(soft, _)| soft);
    let finite = |limit: &u64| *limit != RLIM_INFINITY;
    let nproc = own(nix::sys::resource::Resource::RLIMIT_NPROC).filter(finite);
    let nofile = own(nix::sys::resource::Resource::RLIMIT_NOFILE).filter(finite);
    let kernel = |name: &str| number(&root.join("proc/sys/kernel").join(name));
    let limits = [
        nproc.map(|max| Limit::new(Resource::UserProcesses, max, tasks_of(root, user))),
        process::cgroup_processes()
            .map(|(max, used)| Limit::new(Resource::GroupProcesses, max, Some(used))),
        kernel("threads-max").map(|max| Limit::new(Resource::Threads, max, tasks)),
        kernel("pid_max").map(|max| Limit::new(Resource::ProcessNumbers, max, tasks)),
        nofile.map(|max| Limit::new(Resource::Descriptors, max, open_descriptors(root))),
        process::available_memory_bytes().map(|max| Limit::new(Resource::Memory, max, Some(0))),
    ];
    limits.into_iter().flatten().collect()
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// All processes and threads of the system: the fourth field of `/proc/loadavg` is `RUNNING/ALL`.
fn all_tasks(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/loadavg")).ok()?;
    text.split_whitespace().nth(3)?.split_once('/')?.1.parse().ok()
}

/// The processes and threads whose real user is `user`, as far as `/proc` shows them. Some may come and go meanwhile.
fn tasks_of(root: &Path, user: Uid) -> Option<u64> {
    let entries = fs::read_dir(root.join("proc")).ok()?;
    let statuses = entries.flatten().filter_map(|entry| {
        let name = entry.file_name();
        name.to_str()?.parse::<u32>().ok()?;
        fs::read_to_string(entry.path().join("status")).ok()
    });
    let field = |status: &str, name: &str| -> Option<u64> {
        let line =
            status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let own = statuses.filter(|status| field(status, "Uid") == Some(user.as_raw().into()));
    Some(own.filter_map(|status| field(&status, "Threads")).sum())
}

/// The descriptors that this process has open, without the one that the look itself needs.
fn open_descriptors(root: &Path) -> Option<u64> {
    let entries = fs::read_dir(root.join("proc/self/fd")).ok()?.count();
    u64::try_from(entries.saturating_sub(1)).ok()
}

/// Whether the kernel lets this process have more than RLIMIT_NPROC processes: its real user is root of the first user
/// namespace, or it has CAP_SYS_RESOURCE or CAP_SYS_ADMIN there. In another user namespace these count for nothing.
fn is_exempt() -> bool {
    const SYS_ADMIN: u64 = 1 << 21;
    const SYS_RESOURCE: u64 = 1 << 24;
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let all = ["0", "0", "4294967295"];
    if !map.split_whitespace().eq(all) {
        return false;
    }
    if getuid().is_root() {
        return true;
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    effective.is_some_and(|capabilities| capabilities & (SYS_ADMIN | SYS_RESOURCE) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary folder");
        for (path, content) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("create the folder");
            fs::write(path, content).expect("write the file");
        }
        root
    }

    const STATUS: &str = "Name:\ta\nUid:\t1000\t0\t0\t0\nThreads:\t3\n";

    #[test]
    fn processes_are_counted_by_their_real_user_with_their_threads() {
        let root = machine(&[
            ("proc/1/status", "Name:\tinit\nUid:\t0\t0\t0\t0\nThreads:\t1\n"),
            ("proc/20/status", STATUS),
            ("proc/21/status", &STATUS.replace('3', "2")),
            ("proc/22/status", "ends just now"),
            ("proc/self/status", STATUS),
        ]);
        assert_eq!(tasks_of(root.path(), Uid::from_raw(1000)), Some(5));
        assert_eq!(tasks_of(root.path(), Uid::from_raw(7)), Some(0));
        assert_eq!(tasks_of(machine(&[]).path(), Uid::from_raw(0)), None);
    }

    #[test]
    fn the_kernels_own_limits_come_from_its_files() {
        let root = machine(&[
            ("proc/sys/kernel/threads-max", "1000\n"),
            ("proc/sys/kernel/pid_max", "32768\n"),
            ("proc/loadavg", "0.50 0.40 0.30 2/300 12345\n"),
        ]);
        let limits = look(root.path(), Uid::from_raw(0));
        let of = |resource| limits.iter().find(|limit| limit.resource == resource).copied();
        assert_eq!(of(Resource::Threads), Some(Limit::new(Resource::Threads, 1000, Some(300))));
        assert_eq!(
            of(Resource::ProcessNumbers),
            Some(Limit::new(Resource::ProcessNumbers, 32768, Some(300)))
        );
    }

    #[test]
    fn the_tightest_limit_comes_first() {
        let cost = Cost { tasks: 1, descriptors: 4, memory_bytes: 1 << 20 };
        let limits = vec![
            Limit::new(Resource::UserProcesses, 200, Some(100)),
            Limit::new(Resource::Descriptors, 256, Some(16)),
            Limit::new(Resource::Memory, 1 << 30, Some(0)),
        ];
        assert_eq!(first(limits.clone(), cost).map(|it| it.0), Some(60));
        let cheap = Cost { descriptors: 0, ..cost };
        assert_eq!(first(limits.clone(), cheap).map(|it| it.0), Some(100));
        let exempt = limits
            .into_iter()
            .map(|limit| Limit { binding: limit.resource == Resource::Memory, ..limit });
        assert_eq!(first(exempt.collect(), cheap).map(|it| it.0), Some(1024));
        assert_eq!(first(Vec::new(), cost), None);
    }

    #[test]
    fn behind_an_errno_stands_the_fullest_limit_that_binds() {
        let exempt =
            Limit { binding: false, ..Limit::new(Resource::UserProcesses, 100, Some(100)) };
        let group = Limit::new(Resource::GroupProcesses, 64, Some(64));
        let system = Limit::new(Resource::Threads, 9000, Some(300));
        let limits = vec![exempt, group, system, Limit::new(Resource::Descriptors, 8, Some(8))];
        assert_eq!(likely(limits.clone(), Errno::EAGAIN), Some(group));
        assert_eq!(likely(limits.clone(), Errno::ENOMEM), None);
        let bound = [vec![Limit { binding: true, ..exempt }], limits[2..].to_vec()].concat();
        assert_eq!(
            likely(bound, Errno::EAGAIN).map(|limit| limit.resource),
            Some(Resource::UserProcesses)
        );
    }

    #[test]
    fn a_limit_that_is_exceeded_has_no_room() {
        let full = Limit::new(Resource::UserProcesses, 10, Some(12));
        assert_eq!(full.room(Cost::default()), 0);
    }

    #[test]
    fn this_machine_has_limits_and_room_for_a_worker() {
        let limits = limits();
        assert!(limits.iter().any(|limit| limit.resource == Resource::ProcessNumbers));
        let (room, limit) = room(Cost::default()).expect("a limit");
        assert!(room > 0, "{limit:?}");
    }
}
