//! A pool of processes that is yours: tasks go out to workers, and answers come back in the order of the tasks.

use std::io;

use pipe::frame;

/// Limit of a task and of an answer, in bytes.
const LEN_MAX: u64 = 16 << 20;

/// Why a task has no answer: the process that was at it has ended. Nobody knows how far it had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerDied;

/// An answer, or why there is none.
pub type Outcome = Result<Vec<u8>, WorkerDied>;

/// Does `work` on each of `tasks`, in `workers` processes, and returns the outcomes in the order of the tasks.
///
/// Each process does one task after the other, and gets the next one as soon as it has answered. A worker that dies
/// costs exactly the task that it was at. Another one takes its place if there are tasks left.
///
/// # Errors
/// If a pipe or a process cannot be made.
pub fn map(
    workers: usize,
    tasks: &[Vec<u8>],
    work: impl Fn(&[u8]) -> Vec<u8>,
) -> io::Result<Vec<Outcome>> {
    todo!()
}
