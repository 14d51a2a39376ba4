//! A supervised set of forked workers: does with real processes what the table of a worker's life says.
//!
//! Each worker has one socket pair, whose messages are whole or not there. The program keeps a copy of the worker's
//! end: whoever reads a task from it first has it, so the program can take back what the worker has not begun.

mod worker;

use anyhow::{Result, ensure};
use nix::sys::socket::{AddressFamily, MsgFlags, Shutdown, SockFlag, SockType};
use nix::sys::socket::{shutdown, socketpair};
use signal::{EventLoop, Token};
use std::collections::{BTreeMap, VecDeque};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};
use supervise::fault::Point;
use supervise::life::{Action, Cause, Event, Limit, Policy, State, step};
use supervise::{Deadlines, Decision, Intensity, Recycling, Retry, Verdict};
use wait::{Child, Signal};
use worker::{Ledger, Message};

/// How many tasks a worker has at most: the one that it runs, and one that waits in its socket.
const AHEAD_MAX: usize = 2;

/// What the pool is asked to do, and how.
pub(crate) struct Options {
    pub(crate) workers: usize,
    /// Once in each worker, before its first task.
    pub(crate) initializer: fn(),
    pub(crate) work: fn(u64) -> u64,
    pub(crate) retry: Retry,
    pub(crate) restarts: Intensity,
    pub(crate) recycling: Recycling,
    pub(crate) task_limit: Option<Duration>,
    /// The first workers, as many as there are at once, die here.
    pub(crate) fault: Option<Point>,
    /// So often a worker is killed, and the table is not told.
    pub(crate) kill_interval: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            workers: 2,
            initializer: || {},
            work: |number| number * number,
            retry: Retry::default(),
            restarts: Intensity::new(16, Duration::from_secs(5)),
            recycling: Recycling::default(),
            task_limit: None,
            fault: None,
            kill_interval: None,
        }
    }
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Report {
    /// By task; `None` if the pool gave up before.
    pub(crate) outcomes: Vec<Option<Result<u64, Cause>>>,
    /// How often each task was done to its end, answered or not.
    pub(crate) done: Vec<u32>,
    pub(crate) processes: usize,
    pub(crate) deaths: u32,
    pub(crate) begun_again: u32,
    pub(crate) kills_from_outside: u32,
    pub(crate) rss_max_bytes: u64,
    pub(crate) gave_up: Option<Verdict>,
}

struct Worker {
    state: State,
    child: Child,
    ours: OwnedFd,
    /// A copy of the worker's own end.
    theirs: OwnedFd,
    tokens: (Token, Token),
    /// Sent, and not known to be begun.
    waiting: VecDeque<usize>,
    running: Option<usize>,
    answer: u64,
    begun: u64,
}

#[derive(Clone, Copy)]
enum Source {
    Message(usize),
    End(usize),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Limit(usize),
    KillFromOutside,
}

struct Pool<'a> {
    tasks: &'a [u64],
    options: Options,
    queue: VecDeque<usize>,
    /// At how many deaths each task was running.
    deaths_of: Vec<u32>,
    workers: BTreeMap<usize, Worker>,
    /// Taken away in a worker, which must not have its siblings' descriptors.
    events: Option<EventLoop<Source>>,
    deadlines: Deadlines<Due>,
    started_at: Instant,
    ledger: Ledger,
    report: Report,
}

/// Does every task, and returns when the last worker has been reaped.
pub(crate) fn run(tasks: &[u64], options: Options) -> Result<Report> {
    let mut pool = Pool::new(tasks, options)?;
    for _ in 0..pool.options.workers {
        pool.start()?;
    }
    while !pool.workers.is_empty() {
        pool.hand_out()?;
        let ids: Vec<usize> = pool.workers.keys().copied().collect();
        for id in ids {
            match pool.wanted_end() {
                Some(event) => pool.happen(id, event)?,
                None => break,
            }
        }
        for source in pool.wait()? {
            match source {
                Source::Message(id) => pool.hear(id)?,
                Source::End(id) => pool.end(id)?,
            }
        }
        for due in pool.deadlines.expired(pool.started_at.elapsed()) {
            match due {
                Due::Limit(id) => {
                    // The answer may have come meanwhile.
                    pool.hear(id)?;
                    pool.happen(id, Event::DeadlinePassed)?;
                }
                Due::KillFromOutside => pool.kill_from_outside()?,
            }
        }
    }
    pool.report.done = pool.ledger.read(tasks.len())?;
    Ok(pool.report)
}

impl<'a> Pool<'a> {
    fn new(tasks: &'a [u64], options: Options) -> Result<Self> {
        let mut deadlines = Deadlines::new();
        if let Some(interval) = options.kill_interval {
            deadlines.insert(interval, Due::KillFromOutside);
        }
        let outcomes = tasks.iter().map(|_| None).collect();
        Ok(Pool {
            tasks,
            queue: (0..tasks.len()).collect(),
            deaths_of: vec![0; tasks.len()],
            workers: BTreeMap::new(),
            events: Some(EventLoop::new()?),
            deadlines,
            started_at: Instant::now(),
            ledger: Ledger::new()?,
            report: Report { outcomes, ..Report::default() },
            options,
        })
    }

    fn start(&mut self) -> Result<()> {
        let id = self.report.processes;
        let fault = self.options.fault.filter(|_| id < self.options.workers);
        let (kind, cloexec) = (SockType::SeqPacket, SockFlag::SOCK_CLOEXEC);
        let (ours, theirs) = socketpair(AddressFamily::Unix, kind, None, cloexec)?;
        let mut ours = Some(ours);
        let child = Child::fork(|| {
            drop((ours.take(), self.events.take()));
            self.workers.clear();
            worker::live(&theirs, &self.options, fault, &self.ledger)
        })?;
        let (Some(ours), Some(events)) = (ours, &mut self.events) else { return Ok(()) };
        let tokens = (
            events.add(ours.as_fd(), Source::Message(id))?,
            events.add(child.as_fd(), Source::End(id))?,
        );
        let worker = Worker {
            state: State::Starting,
            child,
            ours,
            theirs,
            tokens,
            waiting: VecDeque::new(),
            running: None,
            answer: 0,
            begun: 0,
        };
        self.workers.insert(id, worker);
        self.report.processes += 1;
        self.set_deadline(id, State::Starting.limit());
        Ok(())
    }

    /// One task to each worker, and then a second.
    fn hand_out(&mut self) -> Result<()> {
        for ahead in 0..AHEAD_MAX {
            for worker in self.workers.values_mut().filter(|it| it.state.takes_tasks()) {
                let has = worker.waiting.len() + usize::from(worker.running.is_some());
                if has > ahead {
                    continue;
                }
                let Some(task) = self.queue.pop_front() else { return Ok(()) };
                worker::send(&worker.ours, Message::Task(task, self.tasks[task]))?;
                worker.waiting.push_back(task);
            }
        }
        Ok(())
    }

    /// What is to happen to every worker now.
    fn wanted_end(&self) -> Option<Event> {
        let is_done = self.report.outcomes.iter().all(Option::is_some);
        match self.report.gave_up {
            Some(_) => Some(Event::Kill),
            None => is_done.then_some(Event::Leave),
        }
    }

    fn wait(&mut self) -> Result<Vec<Source>> {
        let now = self.started_at.elapsed();
        let timeout = self.deadlines.next_due().map(|due| due.saturating_sub(now));
        let Some(events) = &mut self.events else { return Ok(Vec::new()) };
        Ok(events.wait(timeout)?.into_iter().map(|event| event.key).collect())
    }

    // ANCHOR: hear
    /// Turns what a worker has said into events.
    fn hear(&mut self, id: usize) -> Result<()> {
        while let Some(worker) = self.workers.get_mut(&id) {
            let event = match worker::receive(&worker.ours, MsgFlags::MSG_DONTWAIT)? {
                None => return Ok(()),
                Some(Message::Ready) => Event::Ready,
                Some(Message::Begun(task)) if worker.waiting.front() == Some(&task) => {
                    worker.running = worker.waiting.pop_front();
                    worker.begun += 1;
                    Event::TaskStarted
                }
                Some(Message::Answer(task, answer)) if worker.running == Some(task) => {
                    worker.answer = answer;
                    Event::TaskFinished
                }
                Some(_) => Event::Corrupt,
            };
            self.happen(id, event)?;
            if event == Event::TaskFinished {
                self.recycle(id)?;
            }
        }
        Ok(())
    }

    /// Its process has ended: first comes what it had said and done before, then the end.
    fn end(&mut self, id: usize) -> Result<()> {
        self.hear(id)?;
        self.take_back(id)?;
        let Some(worker) = self.workers.get_mut(&id) else { return Ok(()) };
        // Sent and not in the socket any more: it had taken the task, and could not say so.
        if let Some(task) = worker.waiting.pop_front() {
            worker.running = Some(task);
            self.happen(id, Event::TaskStarted)?;
        }
        let Some(worker) = self.workers.get_mut(&id) else { return Ok(()) };
        let clean = worker.child.wait()?.success();
        self.happen(id, Event::Ended { clean })
    }
    // ANCHOR_END: hear

    // ANCHOR: happen
    /// One step of the table, and what it says.
    fn happen(&mut self, id: usize, event: Event) -> Result<()> {
        let others = self.workers.len().saturating_sub(1);
        let Some(worker) = self.workers.get_mut(&id) else { return Ok(()) };
        let deaths = worker.running.map_or(0, |task| self.deaths_of[task]) + 1;
        let is_done = self.report.outcomes.iter().all(Option::is_some);
        let policy = Policy {
            after_death: self.options.retry.after_death(deaths),
            replace: !is_done && others < self.options.workers,
        };
        let before = worker.state;
        let (after, actions) = step(before, event, &policy);
        worker.state = after;
        if before.limit() != after.limit() {
            self.set_deadline(id, after.limit());
        }
        actions.into_iter().try_for_each(|action| self.perform(id, action))
    }

    fn perform(&mut self, id: usize, action: Action) -> Result<()> {
        let Some(worker) = self.workers.get_mut(&id) else {
            // The last two actions come after `Release`.
            match action {
                Action::CountDeath => self.count_death(),
                Action::Replace if self.report.gave_up.is_none() => self.start()?,
                _ => {}
            }
            return Ok(());
        };
        match action {
            Action::Deliver => {
                let answer = worker.answer;
                self.settle(id, Ok(answer))?;
            }
            Action::Fail(cause) => self.settle(id, Err(cause))?,
            Action::RunAgain => {
                if let Some(task) = worker.running.take() {
                    self.deaths_of[task] += 1;
                    self.report.begun_again += 1;
                    self.queue.push_front(task);
                }
            }
            Action::TakeBack => self.take_back(id)?,
            Action::AskToLeave => {
                shutdown(std::os::fd::AsRawFd::as_raw_fd(&worker.ours), Shutdown::Write)?
            }
            Action::Kill => worker.child.kill(Signal::SIGKILL)?,
            Action::CountDeath => self.count_death(),
            Action::Release => self.release(id)?,
            Action::Replace => {}
        }
        Ok(())
    }
    // ANCHOR_END: happen

    fn settle(&mut self, id: usize, outcome: Result<u64, Cause>) -> Result<()> {
        let running = self.workers.get_mut(&id).and_then(|worker| worker.running.take());
        let Some(task) = running else { return Ok(()) };
        ensure!(self.report.outcomes[task].is_none(), "task {task} was settled twice");
        self.report.outcomes[task] = Some(outcome);
        Ok(())
    }

    fn take_back(&mut self, id: usize) -> Result<()> {
        let Some(worker) = self.workers.get_mut(&id) else { return Ok(()) };
        while let Some(message) = worker::receive(&worker.theirs, MsgFlags::MSG_DONTWAIT)? {
            if let Message::Task(task, _) = message {
                worker.waiting.retain(|waiting| *waiting != task);
                self.queue.push_front(task);
            }
        }
        Ok(())
    }

    fn count_death(&mut self) {
        self.report.deaths += 1;
        let verdict = self.options.restarts.record(self.started_at.elapsed());
        if let Verdict::GiveUp { .. } = verdict {
            self.report.gave_up.get_or_insert(verdict);
        }
    }

    fn release(&mut self, id: usize) -> Result<()> {
        let Some(worker) = self.workers.remove(&id) else { return Ok(()) };
        self.deadlines.cancel(Due::Limit(id));
        if let Some(events) = &mut self.events {
            events.remove(worker.tokens.0, worker.ours.as_fd())?;
            events.remove(worker.tokens.1, worker.child.as_fd())?;
        }
        Ok(())
    }

    fn set_deadline(&mut self, id: usize, limit: Option<Limit>) {
        let length = match limit {
            Some(Limit::Task) => self.options.task_limit,
            Some(Limit::Start | Limit::Leave) => Some(Duration::from_secs(60)),
            None => None,
        };
        self.deadlines.cancel(Due::Limit(id));
        if let Some(length) = length {
            self.deadlines.insert(self.started_at.elapsed() + length, Due::Limit(id));
        }
    }

    fn recycle(&mut self, id: usize) -> Result<()> {
        let Some(worker) = self.workers.get(&id) else { return Ok(()) };
        let rss_bytes = worker::rss_bytes(worker.child.pid());
        self.report.rss_max_bytes = self.report.rss_max_bytes.max(rss_bytes);
        match self.options.recycling.decide(worker.begun, rss_bytes) {
            Decision::Keep => Ok(()),
            Decision::Replace => self.happen(id, Event::Leave),
            Decision::Kill => self.happen(id, Event::OverMemory),
        }
    }

    fn kill_from_outside(&mut self) -> Result<()> {
        let chosen =
            self.started_at.elapsed().subsec_nanos() as usize % self.workers.len().max(1);
        if let Some(worker) = self.workers.values().nth(chosen) {
            worker.child.kill(Signal::SIGKILL)?;
            self.report.kills_from_outside += 1;
        }
        if let Some(interval) = self.options.kill_interval {
            self.deadlines.insert(self.started_at.elapsed() + interval, Due::KillFromOutside);
        }
        Ok(())
    }
}
