//! A worker: a process with two pipes, and the parent's side of it.
//!
//! Invariant: the process is reaped by the pool alone, so its pid names no other one until then.
//!
//! # References
//! man 2 PR_SET_PDEATHSIG; man 7 pipe.

use std::fs::File;
use std::io;
use std::mem;
use std::os::fd::AsFd;
use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use pipe::{ReadEnd, WriteEnd, frame};

use crate::task::{Message, never};
use crate::{Failure, Id, Task, Version};

/// Limit of a message, in bytes.
pub(crate) const LEN_MAX: u64 = 64;

/// A task that was given to a worker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job {
    pub(crate) id: Id,
    pub(crate) task: Task,
    pub(crate) limit: Option<Duration>,
    /// When its time is over, by the pool's clock.
    pub(crate) due: Option<Instant>,
    pub(crate) has_begun: bool,
}

/// The parent's side of a worker.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) pid: Pid,
    pub(crate) tasks: WriteEnd,
    pub(crate) answers: ReadEnd,
    pub(crate) job: Option<Job>,
    /// How many tasks it was given.
    pub(crate) given: u64,
    /// The end of an earlier task's time, in the version that does not forget it.
    pub(crate) old_due: Option<Instant>,
}

impl Worker {
    /// Starts the worker with this number, and waits until it is ready. `close_others` closes the parent's ends of what is there already.
    pub(crate) fn start(
        version: Version,
        number: u64,
        gate: &mut (ReadEnd, WriteEnd),
        close_others: impl FnOnce(),
    ) -> io::Result<Worker> {
        let (mut tasks_out, tasks) = pipe::pipe()?;
        let (answers, mut answers_in) = pipe::pipe()?;
        let (mut tasks, mut answers) = (Some(tasks), Some(answers));
        let pid = fork::fork(|| {
            drop(tasks.take());
            drop(answers.take());
            close_others();
            work(version, number, &mut tasks_out, &mut answers_in, gate)
        })
        .map_err(io::Error::other)?;
        match (tasks, answers) {
            (Some(tasks), Some(answers)) => {
                let mut worker =
                    Worker { pid, tasks, answers, job: None, given: 0, old_due: None };
                // One that was killed meanwhile is found dead when it is to get a task.
                let _ = worker.hear();
                Ok(worker)
            }
            _ => Err(io::Error::other("the ends are taken in the child only")),
        }
    }

    /// Gives it a task. If it is dead, its answers have come to their end, and that is seen there.
    pub(crate) fn give(&mut self, job: Job) {
        self.given += 1;
        let _ = frame::write(&mut self.tasks, &job.task.encode(), LEN_MAX);
        self.job = Some(job);
    }

    /// Whether its pipe of answers has a message or its end.
    pub(crate) fn is_readable(&self) -> bool {
        let mut fds = [PollFd::new(self.answers.as_fd(), PollFlags::POLLIN)];
        loop {
            match poll(&mut fds, PollTimeout::ZERO) {
                Err(Errno::EINTR) => {}
                found => return found.is_ok_and(|count| count > 0),
            }
        }
    }

    /// What it says next; `None` if it is dead.
    pub(crate) fn hear(&mut self) -> Option<Message> {
        Message::decode(&frame::read(&mut self.answers, LEN_MAX).ok()??)
    }

    pub(crate) fn kill(&self) {
        // It is not reaped yet, so the number is its own.
        let _ = kill(self.pid, Signal::SIGKILL);
    }

    /// Waits for its end.
    pub(crate) fn reap(&self) -> Option<WaitStatus> {
        reap(self.pid)
    }
}

/// Waits for the end of a worker.
pub(crate) fn reap(pid: Pid) -> Option<WaitStatus> {
    loop {
        match waitpid(pid, None) {
            Err(Errno::EINTR) => {}
            ended => return ended.ok(),
        }
    }
}

/// What a worker does in its life.
fn work(
    version: Version,
    number: u64,
    tasks: &mut ReadEnd,
    answers: &mut WriteEnd,
    gate: &mut (ReadEnd, WriteEnd),
) -> i32 {
    // A worker at a task that never ends would outlive its parent.
    let _ = set_pdeathsig(Signal::SIGKILL);
    // A task that panics says so by its outcome.
    panic::set_hook(Box::new(|_| {}));
    if frame::write(answers, &Message::Begun.encode(), LEN_MAX).is_err() {
        return 1;
    }
    let mut begun = 0;
    while let Ok(Some(bytes)) = frame::read(tasks, LEN_MAX) {
        let Some(task) = Task::decode(&bytes) else { return 1 };
        begun += 1;
        if frame::write(answers, &Message::Begun.encode(), LEN_MAX).is_err() {
            return 1;
        }
        if version == Version::RightSlow && begun % 32 == 1 {
            thread::sleep(Duration::from_millis(15));
        }
        let outcome = match panic::catch_unwind(AssertUnwindSafe(|| task.run(begun, gate))) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(number)) => Err(Failure::Error(number)),
            Err(_) => Err(Failure::Panicked),
        };
        if version == Version::WorkerDescriptorPerTask {
            let _ = File::open("/dev/null").map(mem::forget);
        }
        if frame::write(answers, &Message::Done(outcome).encode(), LEN_MAX).is_err() {
            return 1;
        }
        if matches!(task, Task::LastWords(_)) {
            let _ = raise(Signal::SIGKILL);
        }
    }
    if version == Version::WorkerStays && number == 0 {
        never()
    }
    0
}
