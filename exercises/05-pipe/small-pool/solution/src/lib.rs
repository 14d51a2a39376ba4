//! A pool of processes that is yours: tasks go out to workers, and answers come back in the order of the tasks.

use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pipe::{ReadEnd, WriteEnd, frame, pipe};
use wait::Child;

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
    let mut outcomes = vec![Err(WorkerDied); tasks.len()];
    let mut left = 0..tasks.len();
    let mut pool = Vec::new();
    for task in left.by_ref().take(workers) {
        start(&mut pool, &work)?.give(task, tasks);
    }
    while let Some((at, task)) = answered(&pool)? {
        match frame::read(&mut pool[at].answers, LEN_MAX) {
            Ok(Some(answer)) => {
                outcomes[task] = Ok(answer);
                pool[at].task = None;
                if let Some(next) = left.next() {
                    pool[at].give(next, tasks);
                }
            }
            // The end of the answers is the end of the worker.
            _ => {
                pool.swap_remove(at).end()?;
                if let Some(next) = left.next() {
                    start(&mut pool, &work)?.give(next, tasks);
                }
            }
        }
    }
    pool.into_iter().try_for_each(Worker::end)?;
    Ok(outcomes)
}

/// A process, the parent's ends of its two pipes, and the task that it is at.
struct Worker {
    process: Option<Child>,
    tasks: WriteEnd,
    answers: ReadEnd,
    task: Option<usize>,
}

/// Adds a worker to the pool.
fn start<'a>(
    pool: &'a mut Vec<Worker>,
    work: &impl Fn(&[u8]) -> Vec<u8>,
) -> io::Result<&'a mut Worker> {
    let (mut tasks_out, tasks) = pipe()?;
    let (answers, mut answers_in) = pipe()?;
    pool.push(Worker { process: None, tasks, answers, task: None });
    let process = Child::fork(|| {
        // The fork has copied the parent's ends, of this worker and of all others.
        pool.clear();
        while let Ok(Some(task)) = frame::read(&mut tasks_out, LEN_MAX) {
            if frame::write(&mut answers_in, &work(&task), LEN_MAX).is_err() {
                return 1;
            }
        }
        0
    })
    .map_err(io::Error::other)?;
    let at = pool.len() - 1;
    pool[at].process = Some(process);
    Ok(&mut pool[at])
}

/// Sleeps until a worker that is at a task has answered or died, and says which one; `None` if no worker is at a task.
fn answered(pool: &[Worker]) -> io::Result<Option<(usize, usize)>> {
    let busy: Vec<(usize, usize)> =
        pool.iter().enumerate().filter_map(|(at, worker)| Some((at, worker.task?))).collect();
    let mut fds: Vec<PollFd<'_>> = busy
        .iter()
        .map(|(at, _)| PollFd::new(pool[*at].answers.as_fd(), PollFlags::POLLIN))
        .collect();
    while !busy.is_empty() {
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        if let Some(first) = fds.iter().position(|fd| fd.any() == Some(true)) {
            return Ok(Some(busy[first]));
        }
    }
    Ok(None)
}

impl Worker {
    /// Hands out a task. A worker that has died cannot take it; its pipe of answers has an end then.
    fn give(&mut self, task: usize, tasks: &[Vec<u8>]) {
        self.task = Some(task);
        let _ = frame::write(&mut self.tasks, &tasks[task], LEN_MAX);
    }

    /// Closes the pipe of tasks, at whose end a worker ends, and waits for it.
    fn end(self) -> io::Result<()> {
        drop(self.tasks);
        if let Some(mut process) = self.process {
            process.wait().map_err(io::Error::other)?;
        }
        Ok(())
    }
}
