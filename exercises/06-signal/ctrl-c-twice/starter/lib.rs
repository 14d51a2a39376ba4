//! Tasks in processes of their own, which Ctrl-C ends in two steps.

use std::io;

use wait::ExitStatus;

/// Does the tasks 0 to `tasks - 1`, each in a process of its own, in which `work` is called with the task's number. At
/// most `at_once` of them are at work at the same time. Returns how each process has ended, in the order of the tasks,
/// and `None` for a task that was not begun.
///
/// After the first SIGINT no task is begun any more, and those that are at work are finished. At the second one they are
/// ended by SIGKILL, with all that they have started. The terminal's SIGINT does not reach them.
///
/// # Errors
/// If a process or a descriptor cannot be made.
pub fn run(
    tasks: usize,
    at_once: usize,
    work: impl Fn(usize) -> i32,
) -> io::Result<Vec<Option<ExitStatus>>> {
    todo!()
}
