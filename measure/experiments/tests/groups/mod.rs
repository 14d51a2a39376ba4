//! Sees to it that no cgroup of an experiment outlives it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The keeper of a group removes it a moment after the experiment has ended.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until every cgroup that an experiment made belongs to one that still runs.
pub(crate) fn assert_none_is_left() {
    let until = Instant::now() + DEADLINE;
    loop {
        let mut left = Vec::new();
        find(Path::new("/sys/fs/cgroup"), &mut left);
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < until, "left behind: {left:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A group is called `experiment-CONTROLLER-PID`.
fn find(folder: &Path, left: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix("experiment-").and_then(|rest| rest.split('-').nth(1));
        match pid {
            Some(pid) if !Path::new("/proc").join(pid).exists() => left.push(entry.path()),
            Some(_) => {}
            None => find(&entry.path(), left),
        }
    }
}
