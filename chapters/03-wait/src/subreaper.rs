//! Orphans: whose they become, and how to find them.
//!
//! # References
//! man 2 prctl, PR_SET_CHILD_SUBREAPER; man 5 proc, /proc/PID/task/TID/children.

use crate::{ChildError, Pid};
use std::fs;
use std::io;

/// Makes this process the parent of every descendant whose own parent ends, in place of init.
///
/// Whoever calls this takes on a duty: to reap those orphans. [`children`] lists them,
/// [`Child::adopt`](crate::Child::adopt) takes each over.
/// The setting ends with the process. Children do not inherit it; `exec` keeps it.
///
/// # Errors
/// [`ChildError::Os`]; no kernel since 3.4 refuses.
///
/// # References
/// man 2const PR_SET_CHILD_SUBREAPER (older systems: man 2 prctl).
pub fn become_subreaper() -> Result<(), ChildError> {
    nix::sys::prctl::set_child_subreaper(true)
        .map_err(|errno| ChildError::os("prctl(PR_SET_CHILD_SUBREAPER)", None, errno.into()))
}

/// The children of this process that are not reaped yet, zombies and adopted orphans included, in ascending order.
///
/// The list is a copy: a child that comes or is reaped while it is read may be missing or be listed all the same.
///
/// # Errors
/// If `/proc` is not mounted, or if the kernel was built without `CONFIG_PROC_CHILDREN`.
///
/// # References
/// man 5 proc_tid_children.
pub fn children() -> io::Result<Vec<Pid>> {
    let mut found: Vec<i32> = Vec::new();
    for thread in fs::read_dir("/proc/self/task")? {
        match fs::read_to_string(thread?.path().join("children")) {
            Ok(list) => {
                found.extend(list.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok()))
            }
            // The thread has ended, and its children went to another one. A kernel that has no such file at all is
            // another matter.
            Err(error) if is_gone(&error) && fs::exists("/proc/thread-self/children")? => {}
            Err(error) => return Err(error),
        }
    }
    found.sort_unstable();
    // A child is listed twice if it went from one thread to another between two reads.
    found.dedup();
    Ok(found.into_iter().map(Pid::from_raw).collect())
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}
