//! Who descends from whom, read from `/proc`.
//!
//! The grader is the subreaper of all that it starts: a process whose parent has ended becomes its child. So what
//! descends from the grader is what the program has started, whatever sessions or groups it went to. Children that the
//! grader had before it started anything are strangers: a shell that became the grader by `exec` may have left some.
//!
//! # References
//! man 2 prctl, `PR_SET_CHILD_SUBREAPER`; man 5 proc_pid_stat.

use std::collections::HashMap;
use std::fs;
use std::io;

use procfs::FromRead;
use procfs::process::Stat;

/// Reads the processes below this one.
pub(crate) struct Family;

/// One process for ever: a number can come again, with another start time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) pid: i32,
    pub(crate) starttime: u64,
}

impl Identity {
    pub(crate) fn of(stat: &Stat) -> Identity {
        Identity { pid: stat.pid, starttime: stat.starttime }
    }
}

impl Family {
    /// The children that this process has now.
    pub(crate) fn strangers() -> io::Result<Vec<Identity>> {
        let own = std::process::id() as i32;
        Ok(stats()?.iter().filter(|stat| stat.ppid == own).map(Identity::of).collect())
    }

    /// Everything that descends from this process, zombies too, in the order in which it was started, without the strangers and what
    /// descends from them. One pass over all processes: what is being started at this moment may be missing.
    pub(crate) fn below_this_process(strangers: &[Identity]) -> io::Result<Vec<Stat>> {
        let mut by_parent: HashMap<i32, Vec<Stat>> = HashMap::new();
        for stat in stats()? {
            by_parent.entry(stat.ppid).or_default().push(stat);
        }
        let mut found = Vec::new();
        let mut parents = vec![std::process::id() as i32];
        while let Some(parent) = parents.pop() {
            for child in by_parent.remove(&parent).unwrap_or_default() {
                if !strangers.contains(&Identity::of(&child)) {
                    parents.push(child.pid);
                    found.push(child);
                }
            }
        }
        found.sort_by_key(|stat| (stat.starttime, stat.pid));
        Ok(found)
    }
}

/// What `/proc/PID/stat` says; `None` if the process is gone.
pub(crate) fn stat(pid: i32) -> Option<Stat> {
    Stat::from_file(format!("/proc/{pid}/stat")).ok()
}

/// Whether a process has ended. Its first thread may have, and others run on.
pub(crate) fn is_dead(stat: &Stat) -> bool {
    matches!(stat.state, 'Z' | 'X' | 'x') && stat.num_threads <= 1
}

/// The threads of a process. None if it is gone.
pub(crate) fn threads(pid: i32) -> Vec<i32> {
    numbers(&format!("/proc/{pid}/task")).unwrap_or_default()
}

/// How many processes and threads the user `uid` has, as far as they can be seen.
pub(crate) fn tasks_of_user(uid: u32) -> u64 {
    use std::os::unix::fs::MetadataExt;

    let is_users = |pid: &i32| {
        fs::metadata(format!("/proc/{pid}")).is_ok_and(|metadata| metadata.uid() == uid)
    };
    let pids = numbers("/proc").unwrap_or_default();
    pids.iter().filter(|pid| is_users(pid)).map(|pid| threads(*pid).len() as u64).sum()
}

fn stats() -> io::Result<Vec<Stat>> {
    Ok(numbers("/proc")?.into_iter().filter_map(stat).collect())
}

fn numbers(folder: &str) -> io::Result<Vec<i32>> {
    let entries = fs::read_dir(folder)?;
    Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}
