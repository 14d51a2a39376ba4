//! The thread that owns the processes: starts workers, sees them die, replaces them, ends them.
//!
//! It does only what nobody is waiting for; tasks and results pass it by. It alone owns the `Child` of every worker, so
//! nobody kills a process that somebody else has reaped. It lives longer than every worker, which must be so: a worker
//! gets its death signal when the *thread* ends that is its parent.

mod ending;
mod orders;
mod starting;

use crate::clock::now_ns;
use crate::core::{Core, Ends};
use crate::limit::os;
use crate::options::Options;
use crate::stderr::{LastWords, Stderr};
use crate::tether::Tether;
use crate::usage::rss_bytes;
use executor::PoolError;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use signal::{EventLoop, Token};
use start::Launcher;
use std::collections::{BTreeMap, VecDeque};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};
use supervise::{Deadlines, Intensity};
use wait::Child;

/// How long the supervisor waits before it tries again to start a worker that could not be started.
const START_AGAIN: Duration = Duration::from_millis(50);

/// What the pool asks of its supervisor.
#[derive(Debug)]
pub(crate) enum Order {
    /// Have so many workers; answer when the new ones have shaken hands.
    ScaleTo(usize, Sender<Result<(), PoolError>>),
    /// Ask every worker to leave, and end when they are gone.
    Leave,
    /// Kill every worker, and end when they are gone.
    Kill,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Waker,
    Process(u32),
    Socket(u32),
}

/// A process of the pool.
#[derive(Debug)]
struct Worker {
    child: Child,
    process_token: Token,
    socket: Arc<OwnedFd>,
    /// While the socket is watched for what the worker says first.
    socket_token: Option<Token>,
    /// Whether it has yet to shake hands; [`Due::Greeting`] says until when.
    greeting: bool,
    /// Why it was killed, if it was this thread.
    verdict: Option<String>,
    processor: Option<u32>,
    last_words: LastWords,
    /// Dropped when the worker is reaped and its group killed.
    _tether: Tether,
}

/// What is due at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// The worker should have shaken hands.
    Greeting(u32),
    /// A worker that could not be started may be now.
    StartAgain,
    /// A task may be over its limit of time, or a worker over its limit of memory.
    TaskLimits,
    /// A worker that was recycled should be gone.
    Leaving(u32),
}

/// More workers, asked for at once.
#[derive(Debug)]
struct Scaling {
    answer: Sender<Result<(), PoolError>>,
    /// The first of the new lanes.
    first_lane: u32,
    /// How many workers there were to be before.
    target_before: usize,
}

impl Worker {
    /// Whether its first words lie in the socket.
    fn has_spoken(&self) -> bool {
        let mut look = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        self.socket_token.is_some() && poll(&mut look, PollTimeout::ZERO) == Ok(1)
    }
}

/// See the module.
pub(crate) struct Supervisor {
    core: Arc<Core>,
    ends: Arc<Ends>,
    options: Arc<Options>,
    launcher: Launcher,
    events: EventLoop<Key>,
    orders: Receiver<Order>,
    workers: BTreeMap<u32, Worker>,
    /// Dropped after the workers, whose last words it has to write.
    stderr: Stderr,
    /// How many workers there should be.
    target: usize,
    next_lane: u32,
    intensity: Intensity,
    /// What is due when, since `epoch`.
    due: Deadlines<Due>,
    epoch: Instant,
    /// Since when there is no worker and no room for one.
    short_since: Option<Instant>,
    /// New workers that somebody waits for.
    scaling: Option<Scaling>,
    /// Those who wait until that is done.
    next_scalings: VecDeque<(usize, Sender<Result<(), PoolError>>)>,
    ending: bool,
}

impl Supervisor {
    pub(crate) fn new(
        core: Arc<Core>,
        options: Arc<Options>,
        launcher: Launcher,
        orders: Receiver<Order>,
    ) -> Result<Supervisor, PoolError> {
        let mut events = EventLoop::new().map_err(os("epoll_create1"))?;
        let ends = core.ends().ok_or_else(|| PoolError::Handshake {
            message: "the pool has ended before its workers began".into(),
        })?;
        events.add(&ends.supervisor, Key::Waker).map_err(os("epoll_ctl"))?;
        let (limit, within) = options.restart_limit;
        Ok(Supervisor {
            core,
            ends,
            launcher,
            events,
            orders,
            workers: BTreeMap::new(),
            stderr: Stderr::new()?,
            target: options.workers.unwrap_or(1),
            next_lane: 0,
            intensity: Intensity::new(limit, within),
            epoch: Instant::now(),
            due: Deadlines::new(),
            short_since: None,
            scaling: None,
            next_scalings: VecDeque::new(),
            ending: false,
            options,
        })
    }

    /// Starts the first workers. `Err`: nothing is left running.
    pub(crate) fn begin(&mut self) -> Result<(), PoolError> {
        let begun = self.start_missing().and_then(|()| self.greet_all());
        if begun.is_err() {
            self.ending = true;
            self.kill_all();
            while !self.workers.is_empty() && self.turn().is_ok() {}
        }
        begun
    }

    fn greet_all(&mut self) -> Result<(), PoolError> {
        while self.workers.values().any(|worker| worker.greeting) {
            let (sender, receiver) = std::sync::mpsc::channel();
            self.scaling =
                Some(Scaling { answer: sender, first_lane: 0, target_before: self.target });
            self.turn()?;
            if let Ok(Err(error)) = receiver.try_recv() {
                return Err(error);
            }
        }
        self.scaling = None;
        Ok(())
    }

    /// Runs until the pool has ended and every worker is gone.
    pub(crate) fn run(mut self) {
        while !(self.ending && self.workers.is_empty()) {
            if let Err(error) = self.turn() {
                // Without its event loop the pool cannot go on, and must not hang.
                self.break_down(error.to_string());
                self.kill_all();
                self.ending = true;
                let numbers: Vec<u32> = self.workers.keys().copied().collect();
                numbers.into_iter().for_each(|number| self.ended(number));
            }
        }
    }

    /// Waits for something to happen, and acts on it.
    fn turn(&mut self) -> Result<(), PoolError> {
        let events = self.events.wait(self.next_due()).map_err(os("epoll_wait"))?;
        for event in events {
            match event.key {
                Key::Waker => self.ends.supervisor.drain(),
                Key::Socket(number) => self.greeted(number),
                Key::Process(number) => self.ended(number),
            }
        }
        self.look_at_limits();
        self.obey();
        for due in self.due.expired(self.epoch.elapsed()) {
            match due {
                Due::Greeting(number) => self.greeting_is_late(number),
                Due::Leaving(number) => {
                    self.condemn(number, "it did not leave when it was asked to".into());
                }
                Due::StartAgain => self.replace(),
                // The look above has set this anew, but the thread may have waited for a processor ever since.
                Due::TaskLimits => self.look_at_limits(),
            }
        }
        while self.scaling.is_none()
            && let Some((count, answer)) = self.next_scalings.pop_front()
        {
            self.scale_to(count, answer);
        }
        Ok(())
    }

    fn next_due(&self) -> Option<Duration> {
        Some(self.due.next_due()?.saturating_sub(self.epoch.elapsed()))
    }

    /// Ends the tasks and workers that are over their limits, and finds out when the next one may be.
    fn look_at_limits(&mut self) {
        let mut state = self.core.lock();
        let now_ns = now_ns();
        let look = state.look_at_limits(now_ns);
        // What stood behind a task that is ended goes elsewhere.
        state.turn();
        self.core.leave(state);
        match look.again_after {
            Some(after) => self.due.insert(self.epoch.elapsed() + after, Due::TaskLimits),
            None => {
                self.due.cancel(Due::TaskLimits);
            }
        }
        if look.to_weigh.is_empty() {
            return;
        }
        // Without the lock: the kernel may take its time.
        let weighed: Vec<_> =
            look.to_weigh.into_iter().map(|it| (it, rss_bytes(it.pid).unwrap_or(0))).collect();
        let mut state = self.core.lock();
        for (weighing, rss_bytes) in weighed {
            state.weighed(weighing, rss_bytes);
        }
        state.turn();
        self.core.leave(state);
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        for worker in std::mem::take(&mut self.workers).into_values() {
            let _ = killpg(worker.child.pid(), Signal::SIGKILL);
        }
    }
}
