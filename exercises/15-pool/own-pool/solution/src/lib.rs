//! A pool of processes that is your own, from the first fork to the last wait.
//!
//! It makes progress in the calls of its owner: `submit` hands a task to a worker that is idle, `wait` and `shutdown`
//! sleep until a worker answers or dies, or a limit is over.
//!
//! Invariant: a worker has one task at most, so it reads whenever it is written to, and its death costs one task. A
//! task is in the queue, at one worker, or in `outcomes`.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pipe::{ReadEnd, WriteEnd, frame, pipe};
use tested_pool::{Outcome, TaskError, TestedPool, Work};
use wait::{Child, Signal};

/// Limit of a task and of an answer, in bytes.
const LEN_MAX: u64 = 16 << 20;

/// The name of a task in this pool.
pub type Ticket = u64;

/// The first byte of an answer says what the rest is.
const DONE: u8 = 0;
const FAILED: u8 = 1;
const PANICKED: u8 = 2;

/// The pool.
pub struct OwnPool {
    work: Work,
    workers: Vec<Worker>,
    queue: VecDeque<Task>,
    outcomes: HashMap<Ticket, Outcome>,
    last: Ticket,
}

struct Task {
    ticket: Ticket,
    bytes: Vec<u8>,
    limit: Option<Duration>,
}

/// A process, the pool's ends of its two pipes, and the task that it is at.
struct Worker {
    process: Child,
    tasks: WriteEnd,
    answers: ReadEnd,
    flight: Option<Flight>,
}

/// A task that a worker is at.
struct Flight {
    ticket: Ticket,
    /// When its worker is killed.
    over: Option<Instant>,
}

impl TestedPool for OwnPool {
    type Ticket = Ticket;

    fn start(workers: usize, work: Work) -> io::Result<OwnPool> {
        let mut pool = OwnPool {
            work,
            workers: Vec::new(),
            queue: VecDeque::new(),
            outcomes: HashMap::new(),
            last: 0,
        };
        for _ in 0..workers {
            pool.start_worker()?;
        }
        Ok(pool)
    }

    fn submit(&mut self, task: Vec<u8>, limit: Option<Duration>) -> io::Result<Ticket> {
        self.last += 1;
        self.queue.push_back(Task { ticket: self.last, bytes: task, limit });
        self.hand_out();
        Ok(self.last)
    }

    fn cancel(&mut self, ticket: &Ticket) -> bool {
        let Some(at) = self.queue.iter().position(|task| task.ticket == *ticket) else {
            return false;
        };
        self.queue.remove(at);
        self.outcomes.insert(*ticket, Err(TaskError::Cancelled));
        true
    }

    fn wait(&mut self, ticket: Ticket) -> Outcome {
        loop {
            if let Some(outcome) = self.outcomes.remove(&ticket) {
                return outcome;
            }
            self.turn().map_err(|error| TaskError::Failed(error.to_string()))?;
        }
    }

    fn shutdown(mut self) -> io::Result<()> {
        while self.is_busy() {
            self.turn()?;
        }
        for worker in self.workers {
            // Its pipe of tasks ends, and so does the worker.
            drop(worker.tasks);
            let mut process = worker.process;
            process.wait().map_err(io::Error::other)?;
        }
        Ok(())
    }
}

impl OwnPool {
    fn is_busy(&self) -> bool {
        !self.queue.is_empty() || self.workers.iter().any(|worker| worker.flight.is_some())
    }

    /// Sleeps until something happens, and takes it in.
    fn turn(&mut self) -> io::Result<()> {
        if let Some(at) = self.ready()? {
            let worker = &mut self.workers[at];
            let flight = worker.flight.take();
            match frame::read(&mut worker.answers, LEN_MAX) {
                Ok(Some(answer)) => self.note(flight, outcome(answer)),
                // The end of the answers is the end of the worker.
                _ => self.replace(at, flight, TaskError::WorkerDied)?,
            }
        }
        let now = Instant::now();
        let is_over = |worker: &Worker| worker.over().is_some_and(|over| over <= now);
        while let Some(at) = self.workers.iter().position(is_over) {
            let flight = self.workers[at].flight.take();
            self.replace(at, flight, TaskError::TimedOut)?;
        }
        self.hand_out();
        Ok(())
    }

    /// A worker that has answered or died; `None` if a limit was over first.
    fn ready(&self) -> io::Result<Option<usize>> {
        let left = self.workers.iter().filter_map(Worker::over).min();
        let timeout = left.map_or(PollTimeout::NONE, |over| {
            let left = over.saturating_duration_since(Instant::now());
            // A wait that is too short by a part of a millisecond would be made again and again.
            PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
        });
        let answers = self.workers.iter().map(|worker| worker.answers.as_fd());
        let mut fds: Vec<_> = answers.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        Ok(fds.iter().position(|fd| fd.any() == Some(true)))
    }

    /// Gives the next tasks to workers that are idle.
    fn hand_out(&mut self) {
        for worker in self.workers.iter_mut().filter(|worker| worker.flight.is_none()) {
            let Some(task) = self.queue.pop_front() else { return };
            let over = task.limit.map(|limit| Instant::now() + limit);
            worker.flight = Some(Flight { ticket: task.ticket, over });
            // A worker that has died cannot take it; its pipe of answers has an end then.
            let _ = frame::write(&mut worker.tasks, &task.bytes, LEN_MAX);
        }
    }

    fn note(&mut self, flight: Option<Flight>, outcome: Outcome) {
        if let Some(flight) = flight {
            self.outcomes.insert(flight.ticket, outcome);
        }
    }

    /// Ends a worker, if it has not ended, waits for it and starts another one in its place.
    fn replace(&mut self, at: usize, flight: Option<Flight>, why: TaskError) -> io::Result<()> {
        let mut worker = self.workers.swap_remove(at);
        worker.process.kill(Signal::SIGKILL).map_err(io::Error::other)?;
        worker.process.wait().map_err(io::Error::other)?;
        self.note(flight, Err(why));
        self.start_worker()
    }

    fn start_worker(&mut self) -> io::Result<()> {
        let (mut tasks_out, tasks) = pipe()?;
        let (answers, mut answers_in) = pipe()?;
        // The fork copies the pool's ends. The child must own none of them, or no pipe has an end.
        let mut ends = Some((tasks, answers));
        let (workers, work) = (&mut self.workers, self.work);
        let process = Child::fork(|| {
            ends = None;
            workers.clear();
            while let Ok(Some(task)) = frame::read(&mut tasks_out, LEN_MAX) {
                if frame::write(&mut answers_in, &answer(work, &task), LEN_MAX).is_err() {
                    return 1;
                }
            }
            0
        })
        .map_err(io::Error::other)?;
        if let Some((tasks, answers)) = ends {
            self.workers.push(Worker { process, tasks, answers, flight: None });
        }
        Ok(())
    }
}

impl Worker {
    fn over(&self) -> Option<Instant> {
        self.flight.as_ref()?.over
    }
}

/// Does the work, and makes one message of whatever came of it.
fn answer(work: Work, task: &[u8]) -> Vec<u8> {
    let (kind, bytes) = match catch_unwind(AssertUnwindSafe(|| work(task))) {
        Ok(Ok(answer)) => (DONE, answer),
        Ok(Err(text)) => (FAILED, text.into_bytes()),
        Err(payload) => {
            let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
            (PANICKED, text.unwrap_or_default().into_bytes())
        }
    };
    [&[kind][..], &bytes].concat()
}

/// What such a message says.
fn outcome(mut answer: Vec<u8>) -> Outcome {
    let kind = if answer.is_empty() { None } else { Some(answer.remove(0)) };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    match kind {
        Some(DONE) => Ok(answer),
        Some(FAILED) => Err(TaskError::Failed(text(answer))),
        Some(PANICKED) => Err(TaskError::Panicked(text(answer))),
        _ => Err(TaskError::WorkerDied),
    }
}
