//! The pool: tasks wait in one queue, each worker has one at a time, and outcomes wait until somebody fetches them.
//!
//! Invariant: in a right version a task is in the queue, at a worker, or among the outcomes, and in one of them only.

mod ending;
mod spoil;

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::Write;
use std::mem;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;
use pipe::{ReadEnd, WriteEnd};

use crate::task::Message;
use crate::worker::{Job, Worker};
use crate::{Failure, Outcome, Task, Version};
use spoil::Memory;

/// Which task of a pool, in the order of submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub u64);

/// The pool takes no tasks any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the pool takes no tasks any more")
    }
}

/// A pool of processes.
///
/// # Dropping
/// A pool that is dropped without a shutdown kills its workers, also those that are at a task, and waits for their end.
#[derive(Debug)]
pub struct Pool {
    version: Version,
    workers: Vec<Worker>,
    queue: VecDeque<Job>,
    outcomes: VecDeque<(Id, Outcome)>,
    /// Closed when there are no workers any more.
    gate: Option<(ReadEnd, WriteEnd)>,
    is_open: bool,
    ids: u64,
    started: u64,
    /// How far the pool's clock is ahead.
    ahead: Duration,
    /// What the versions with a fault remember.
    memory: Memory,
}

impl Pool {
    /// Starts a pool of `workers` processes.
    ///
    /// # Panics
    /// If there is no process or no pipe left for it.
    pub fn start(version: Version, workers: usize) -> Pool {
        let gate = pipe::pipe().expect("a pipe for the gate");
        let mut pool = Pool {
            version,
            workers: Vec::new(),
            queue: VecDeque::new(),
            outcomes: VecDeque::new(),
            gate: Some(gate),
            is_open: true,
            ids: 0,
            started: 0,
            ahead: Duration::ZERO,
            memory: Memory::default(),
        };
        for _ in 0..workers {
            pool.start_worker();
        }
        pool
    }

    /// Takes a task. Tasks begin in the order of submission, as soon as a worker is free.
    ///
    /// # Errors
    /// [`Closed`] after a shutdown or an abort.
    pub fn submit(&mut self, task: Task) -> Result<Id, Closed> {
        self.take(task, None)
    }

    /// As [`Pool::submit`]. If the task is not done `limit` after it was given to a worker, by the pool's clock, the worker
    /// is killed and replaced.
    ///
    /// # Errors
    /// [`Closed`] after a shutdown or an abort.
    pub fn submit_with_limit(&mut self, task: Task, limit: Duration) -> Result<Id, Closed> {
        self.take(task, Some(limit))
    }

    /// Waits for an outcome and returns it, in the order in which they come. `None` if all were fetched.
    ///
    /// Each task that was taken has one.
    #[allow(clippy::should_implement_trait, reason = "it waits, and it needs the pool")]
    pub fn next(&mut self) -> Option<(Id, Outcome)> {
        if self.is(Version::RightReversed) {
            let is_prompt = |worker: &Worker| {
                worker.job.is_some_and(|job| job.task.is_prompt() && job.limit.is_none())
            };
            while self.workers.iter().any(is_prompt) {
                self.turn();
            }
            if let Some(last) = self.outcomes.pop_back() {
                return Some(last);
            }
        }
        loop {
            if let Some(first) = self.outcomes.pop_front() {
                return Some(first);
            }
            if !self.has_work() {
                return None;
            }
            self.turn();
        }
    }

    /// Does all of `tasks`, and returns their outcomes in the order of the tasks. Those of other tasks still wait for
    /// [`Pool::next`].
    ///
    /// # Errors
    /// [`Closed`] after a shutdown or an abort.
    pub fn map(&mut self, tasks: &[Task]) -> Result<Vec<Outcome>, Closed> {
        let ids =
            tasks.iter().map(|task| self.submit(*task)).collect::<Result<Vec<Id>, _>>()?;
        while self.has_work()
            && !ids.iter().all(|id| self.outcomes.iter().any(|(known, _)| known == id))
        {
            self.turn();
        }
        let (mut own, others): (Vec<_>, Vec<_>) =
            self.outcomes.drain(..).partition(|(id, _)| ids.contains(id));
        self.outcomes.extend(others);
        if !self.is(Version::OrderOfArrival) {
            own.sort_by_key(|(id, _)| *id);
        }
        let mut outcomes: Vec<Outcome> = own.into_iter().map(|(_, outcome)| outcome).collect();
        if self.is(Version::OldMapAgain) && !outcomes.is_empty() {
            outcomes[0] = *self.memory.first_of_map.get_or_insert(outcomes[0]);
        }
        Ok(outcomes)
    }

    /// Lets one task [`Task::Gate`] on, or the next one that comes to it.
    pub fn open_gate(&mut self) {
        if let Some((_, gate_in)) = &mut self.gate {
            let _ = gate_in.write_all(&[0]);
        }
    }

    /// Puts the pool's clock forward: for its time limits this long has passed. Nobody sleeps.
    pub fn pass_time(&mut self, time: Duration) {
        self.ahead += time;
    }

    /// The processes that are workers now.
    pub fn pids(&self) -> Vec<Pid> {
        self.workers.iter().map(|worker| worker.pid).collect()
    }

    /// How many workers were started so far.
    pub fn started(&self) -> u64 {
        self.started
    }

    fn is(&self, version: Version) -> bool {
        self.version == version
    }

    fn now(&self) -> Instant {
        Instant::now() + self.ahead
    }

    fn has_work(&self) -> bool {
        !self.queue.is_empty() || self.workers.iter().any(|worker| worker.job.is_some())
    }

    fn take(&mut self, task: Task, limit: Option<Duration>) -> Result<Id, Closed> {
        let id = Id(self.ids);
        if !self.is_open {
            return if self.is(Version::TakesTasksAfterwards) { Ok(id) } else { Err(Closed) };
        }
        self.ids += 1;
        let due = limit.filter(|_| self.is(Version::LimitInTheQueue));
        let due = due.map(|limit| self.now() + limit);
        self.queue.push_back(Job { id, task, limit, due, has_begun: false });
        self.hand_out();
        Ok(id)
    }

    /// Gives tasks to workers that are free.
    fn hand_out(&mut self) {
        while !self.queue.is_empty() {
            let Some(at) = self.workers.iter().position(|worker| worker.job.is_none()) else {
                return;
            };
            // What a free worker has to say is that it is dead.
            if !self.is(Version::BlamesTheNext) && self.workers[at].is_readable() {
                self.hear(at);
                continue;
            }
            let Some(mut job) = self.queue.pop_front() else { return };
            let now = self.now();
            job.due = job.due.or(job.limit.map(|limit| now + limit));
            let worker = &mut self.workers[at];
            job.due = job.due.or(worker.old_due);
            if self.version == Version::OldLimit {
                worker.old_due = job.due;
            }
            worker.give(job);
        }
    }

    /// Waits until a worker has something to say or a task's time is over, and sees to it.
    fn turn(&mut self) {
        let due = self.workers.iter().filter_map(|worker| worker.job?.due).min();
        let timeout = due.map_or(PollTimeout::NONE, |due| {
            // A millisecond more, because `poll` counts in whole ones.
            let left = due.saturating_duration_since(self.now()) + Duration::from_millis(1);
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
        });
        let is_due = due.is_some_and(|due| due <= self.now());
        let mut fds: Vec<PollFd<'_>> = self
            .workers
            .iter()
            .map(|worker| PollFd::new(worker.answers.as_fd(), PollFlags::POLLIN))
            .collect();
        match poll(&mut fds, if is_due { PollTimeout::ZERO } else { timeout }) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => panic!("poll: {errno}"),
        }
        let ready: Vec<Pid> = self
            .workers
            .iter()
            .zip(&fds)
            .filter(|(_, fd)| fd.any() == Some(true))
            .map(|(worker, _)| worker.pid)
            .collect();
        for pid in ready {
            // A death has moved the others.
            if let Some(at) = self.workers.iter().position(|worker| worker.pid == pid) {
                self.hear(at);
            }
        }
        self.expire();
        self.hand_out();
    }

    /// Takes in what a worker says.
    fn hear(&mut self, at: usize) {
        let worker = &mut self.workers[at];
        let is_last_word = worker.job.is_some_and(|job| matches!(job.task, Task::LastWords(_)));
        match worker.hear() {
            Some(Message::Begun) => {
                if let Some(job) = &mut worker.job {
                    job.has_begun = true;
                }
            }
            // Looks for the end of the pipe before it looks at what is in it.
            Some(Message::Done(_))
                if self.version == Version::DropsLastWords && is_last_word =>
            {
                self.died(at);
            }
            Some(Message::Done(outcome)) => {
                if self.is(Version::MixesUpTwo) {
                    self.mix_up(at);
                }
                if let Some(job) = self.workers[at].job.take() {
                    self.done(job.id, outcome);
                }
            }
            None => self.died(at),
        }
    }

    /// A worker has ended that nobody had told to.
    fn died(&mut self, at: usize) {
        if self.is(Version::BlamesAnother) {
            let other = (0..self.workers.len())
                .find(|other| *other != at && self.workers[*other].job.is_some());
            self.swap_ids(at, other.unwrap_or(at));
        }
        let worker = self.workers.remove(at);
        let status = if self.is(Version::ZombiePerDeath) { None } else { worker.reap() };
        self.memory.deaths += 1;
        let job = worker.job;
        self.spoil_death(worker);
        if let Some(job) = job {
            let begun = job.has_begun || self.is(Version::BlamesTheNext);
            let again = self.is(Version::TriesAgain) && !self.memory.deaths.is_multiple_of(4);
            let is_success = self.is(Version::ExitIsSuccess)
                && matches!(status, Some(WaitStatus::Exited(_, 0)));
            if !begun || again {
                self.queue.push_front(Job { has_begun: false, due: None, ..job });
            } else if is_success {
                self.deliver(job.id, Ok(0));
            } else if !self.is(Version::ForgetsTheDead) {
                self.deliver(job.id, Err(Failure::Died));
                self.spoil_queue();
            }
        }
        if (self.is_open || !self.queue.is_empty()) && !self.is(Version::NotReplaced) {
            self.start_worker();
        }
        if self.workers.is_empty() {
            // Only in the version that does not replace anybody.
            for job in mem::take(&mut self.queue) {
                self.deliver(job.id, Err(Failure::Died));
            }
        }
    }

    /// Ends what has run for too long.
    fn expire(&mut self) {
        let now = self.now();
        let is_late =
            |worker: &Worker| worker.job.and_then(|job| job.due).is_some_and(|due| due <= now);
        while let Some(at) = self.workers.iter().position(is_late) {
            let worker = self.workers.remove(at);
            if !self.is(Version::TimeoutLeavesRunning) {
                worker.kill();
                worker.reap();
            }
            if let Some(job) = worker.job {
                self.deliver(job.id, Err(Failure::TimedOut));
            }
            self.start_worker();
        }
    }

    fn start_worker(&mut self) {
        let Some(gate) = &mut self.gate else { return };
        let workers = &mut self.workers;
        let is_tidy = self.version != Version::WorkersInherit;
        let close_others = || {
            if is_tidy {
                workers.clear();
            }
        };
        let worker = Worker::start(self.version, self.started, gate, close_others)
            .expect("a process and its pipes");
        self.workers.push(worker);
        self.started += 1;
    }

    /// Keeps an outcome until it is fetched.
    fn deliver(&mut self, id: Id, outcome: Outcome) {
        self.memory.delivered += 1;
        let count = self.memory.delivered;
        let is_lost = match self.version {
            Version::LosesTheLast => !self.has_work(),
            Version::LosesOneOfMany => count.is_multiple_of(64),
            _ => false,
        };
        if !is_lost {
            self.outcomes.push_back((id, outcome));
        }
        match self.version {
            Version::RepeatsOne if count.is_multiple_of(10) => {
                self.outcomes.push_back((id, outcome))
            }
            Version::DescriptorPerTask => {
                let _ = File::open("/dev/null").map(mem::forget);
            }
            Version::MappingPerTask => {
                let segment = shared::Segment::create("task", 4096);
                let _ = segment.map(|segment| mem::forget(segment.into_mapping()));
            }
            Version::ProcessPerEight if count.is_multiple_of(8) => self.start_worker(),
            _ => {}
        }
    }
}
