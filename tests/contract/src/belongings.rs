//! What a process has to give back: its descriptors and its children.
//!
//! Read from `/proc` without any part of the book, because the parts are what is judged here.

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, waitpid};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// Runs `body` and checks that it leaves the descriptors and children, zombies included, that it found.
///
/// # Panics
/// If it does not, or if `/proc` cannot be read.
pub fn leaving_nothing<T>(body: impl FnOnce() -> T) -> T {
    let before = Belongings::now();
    let result = body();
    assert_eq!(Belongings::now(), before, "left behind (or taken away)");
    result
}

/// Checks that this process has neither running children nor zombies.
///
/// # Panics
/// If it has.
pub fn assert_no_children() {
    assert_eq!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Err(Errno::ECHILD), "children");
}

/// Closes what cargo, a shell or a terminal left open above the standard three. The cases use numbers as they like.
pub(crate) fn close_inherited() {
    for (number, _) in descriptors().into_iter().filter(|(number, _)| *number > 2) {
        nix::unistd::close(number).expect("an open descriptor that nothing here owns");
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Belongings {
    descriptors: Vec<(i32, PathBuf)>,
    /// Zombies included.
    children: BTreeSet<String>,
}

impl Belongings {
    fn now() -> Self {
        Belongings { descriptors: descriptors(), children: children() }
    }
}

/// Number and target of each open descriptor. That of the listing itself is closed before the targets are looked at.
fn descriptors() -> Vec<(i32, PathBuf)> {
    let mut numbers: Vec<i32> = fs::read_dir("/proc/self/fd")
        .expect("/proc/self/fd can be listed")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    let target = |number| fs::read_link(format!("/proc/self/fd/{number}")).ok();
    numbers.into_iter().filter_map(|number| Some((number, target(number)?))).collect()
}

/// Empty on a kernel that does not list them (`CONFIG_PROC_CHILDREN`); [`assert_no_children`] does without the list.
fn children() -> BTreeSet<String> {
    let tasks = fs::read_dir("/proc/self/task").expect("/proc/self/task can be listed");
    tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .filter(|pid| is_there(pid))
        .collect()
}

/// Whether there is still something to wait for. If SIGCHLD is ignored the kernel takes the dead away by itself, and for
/// a moment lists one for which `waitid` has already said that there is no such child.
fn is_there(pid: &str) -> bool {
    // The name may have parentheses of its own; the state follows the last one.
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit_once(") ").is_none_or(|(_, rest)| !rest.starts_with('X')))
}
