//! The thread that owns the processes: starts workers, sees them die, replaces them, ends them.
//!
//! It does only what nobody is waiting for; tasks and results pass it by. It alone owns the `Child` of every worker, so
//! nobody kills a process that somebody else has reaped. It lives longer than every worker, which must be so: a worker
//! gets its death signal when the *thread* ends that is its parent.

use crate::core::Core;
use crate::error::{Evidence, PoolError, TaskError};
use crate::lane::{Lane, Phase};
use crate::layout::{Header, LANE_BYTES};
use crate::limit::{os, refused, start_error};
use crate::options::Options;
use crate::state::{Request, Standing};
use crate::worker::{NOT_INITIALIZED, Note, hello};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use shared::{Segment, passing};
use signal::{EventLoop, Token};
use start::{Launcher, StartError, StartMethod};
use std::collections::{BTreeMap, VecDeque};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::time::{Duration, Instant};
use supervise::{Intensity, Verdict};
use task::{Image, PanicReport};
use wait::{Child, ExitStatus};

/// How long the supervisor waits before it tries again to start a worker that could not be started.
const START_AGAIN: Duration = Duration::from_millis(50);
/// What a worker says first is no longer than this, in bytes.
const HELLO_BYTES_MAX: usize = 64 << 10;

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
    /// Until when it has to have shaken hands, if it has not.
    greeting: Option<Instant>,
    /// Why it was killed, if it was this thread.
    verdict: Option<String>,
    processor: Option<u32>,
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
    options: Arc<Options>,
    launcher: Launcher,
    events: EventLoop<Key>,
    orders: Receiver<Order>,
    workers: BTreeMap<u32, Worker>,
    /// How many workers there should be.
    target: usize,
    next_lane: u32,
    intensity: Intensity,
    epoch: Instant,
    /// When to try again to start a worker.
    start_again: Option<Instant>,
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
        events.add(&core.supervisor, Key::Waker).map_err(os("epoll_ctl"))?;
        let (limit, within) = options.restart_limit;
        Ok(Supervisor {
            core,
            launcher,
            events,
            orders,
            workers: BTreeMap::new(),
            target: options.workers,
            next_lane: 0,
            intensity: Intensity::new(limit, within),
            epoch: Instant::now(),
            start_again: None,
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
        while self.workers.values().any(|worker| worker.greeting.is_some()) {
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
                Key::Waker => self.core.supervisor.drain(),
                Key::Socket(number) => self.greeted(number),
                Key::Process(number) => self.ended(number),
            }
        }
        self.obey();
        self.look_at_deadlines();
        while self.scaling.is_none()
            && let Some((count, answer)) = self.next_scalings.pop_front()
        {
            self.scale_to(count, answer);
        }
        Ok(())
    }

    fn next_due(&self) -> Option<Duration> {
        let greetings = self.workers.values().filter_map(|worker| worker.greeting);
        let due = greetings.chain(self.start_again).min()?;
        Some(due.saturating_duration_since(Instant::now()))
    }

    // --- starting ---

    /// Starts as many workers as are missing.
    fn start_missing(&mut self) -> Result<(), PoolError> {
        while !self.ending && self.staying() < self.target {
            self.start_one()?;
        }
        Ok(())
    }

    /// Workers that are not on their way out.
    fn staying(&self) -> usize {
        let state = self.core.lock();
        let goes = |number: &u32| {
            state.lanes.get(number).is_some_and(|lane| matches!(lane.phase, Phase::Leaving))
        };
        self.workers.keys().filter(|number| !goes(number)).count()
    }

    fn start_one(&mut self) -> Result<(), PoolError> {
        let number = self.next_lane;
        let segment = Segment::create("procpool-lane", LANE_BYTES)
            .map_err(|error| refused("memfd_create", error))?;
        let (own, theirs) = passing::socket_pair().map_err(os("socketpair"))?;
        let processor = self.options.pin.then(|| self.free_processor()).flatten();
        let note = Note {
            initializer: self.options.initializer.as_ref().map(|it| (it.call, it.argument_len)),
            finalizer: self.options.finalizer,
            nice: self.options.nice,
            processor,
            fingerprint: Image::current().fingerprint(),
        };
        let mut bytes = Vec::new();
        task::encode(&note, &mut bytes).map_err(|error| PoolError::Invalid {
            option: "initializer",
            message: error.message,
        })?;
        let mut descriptors: Vec<BorrowedFd<'_>> = vec![theirs.as_fd()];
        descriptors.extend(segment.descriptor());
        descriptors.extend(self.core.bell_segment().descriptor());
        descriptors
            .extend(self.options.initializer.as_ref().and_then(|it| it.argument.descriptor()));
        let child = match self.launcher.start(&descriptors, &bytes) {
            Err(StartError::TemplateDied { .. })
                if self.options.method == StartMethod::Forkserver =>
            {
                self.launcher =
                    Launcher::forkserver(&self.options.name).map_err(start_error)?;
                self.launcher.start(&descriptors, &bytes)
            }
            started => started,
        }
        .map_err(start_error)?;
        drop(theirs);
        // Descriptors come and go under the pool's lock: a full socket is no reason to wait there.
        nix::fcntl::fcntl(&own, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))
            .map_err(|errno| os("fcntl")(errno.into()))?;
        self.next_lane += 1;
        let socket = Arc::new(own);
        let header = Header::new(Arc::new(segment.into_mapping()))?;
        let pid = child.pid().as_raw() as u32;
        let lane = Lane::new(pid, header, Arc::clone(&socket))?;
        let process_token =
            self.events.add(&child, Key::Process(number)).map_err(os("epoll_ctl"))?;
        let socket_token =
            self.events.add(&*socket, Key::Socket(number)).map_err(os("epoll_ctl"))?;
        let due = Instant::now() + self.options.start_timeout;
        let worker = Worker {
            child,
            process_token,
            socket,
            socket_token: Some(socket_token),
            greeting: Some(due),
            verdict: None,
            processor,
        };
        self.workers.insert(number, worker);
        self.core.lock().lanes.insert(number, Box::new(lane));
        Ok(())
    }

    /// The allowed processor that has the fewest workers.
    fn free_processor(&self) -> Option<u32> {
        let allowed = nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0)).ok()?;
        (0..nix::sched::CpuSet::count() as u32)
            .filter(|number| allowed.is_set(*number as usize).unwrap_or(false))
            .min_by_key(|number| {
                self.workers.values().filter(|worker| worker.processor == Some(*number)).count()
            })
    }

    /// A worker has said something: that it is ready, or why it is not.
    fn greeted(&mut self, number: u32) {
        let Some(worker) = self.workers.get_mut(&number) else { return };
        let Some(token) = worker.socket_token.take() else { return };
        let _ = self.events.remove(token, &*worker.socket);
        let mut buffer = vec![0; HELLO_BYTES_MAX];
        let said = passing::receive(worker.socket.as_fd(), &mut buffer);
        // Its end says more, and is on its way: until then it has not shaken hands.
        if said.as_ref().is_ok_and(|said| said.len == 0) {
            return;
        }
        worker.greeting = None;
        let failure = match said.as_ref().map(|said| &buffer[..said.len]) {
            Ok([hello::READY]) => {
                let mut state = self.core.lock();
                state.ready(number);
                state.turn();
                self.core.leave(state);
                if self.workers.values().all(|worker| worker.greeting.is_none())
                    && self.start_again.is_none()
                    && let Some(scaling) = self.scaling.take()
                {
                    let _ = scaling.answer.send(Ok(()));
                }
                return;
            }
            Ok([hello::INITIALIZER_FAILED, outcome, report @ ..]) => {
                PoolError::InitializerFailed { message: initializer_failure(*outcome, report) }
            }
            Ok([hello::STRANGER]) => PoolError::Handshake {
                message: "it runs another executable than this program; was the file replaced?"
                    .into(),
            },
            Ok(_) => PoolError::Handshake { message: "it said what no worker says".into() },
            Err(error) => PoolError::Handshake { message: format!("its socket: {error}") },
        };
        self.condemn(number, failure.to_string());
        self.scaling_failed(number, failure);
    }

    /// Kills a worker; its end will be seen later.
    fn condemn(&mut self, number: u32, why: String) {
        if let Some(worker) = self.workers.get_mut(&number) {
            worker.verdict.get_or_insert(why);
            let _ = worker.child.kill(Signal::SIGKILL);
        }
    }

    fn look_at_deadlines(&mut self) {
        let now = Instant::now();
        let late: Vec<u32> = self
            .workers
            .iter()
            .filter(|(_, worker)| worker.greeting.is_some_and(|due| due <= now))
            .map(|(number, _)| *number)
            .collect();
        for number in late {
            if let Some(worker) = self.workers.get_mut(&number) {
                worker.greeting = None;
                if let Some(token) = worker.socket_token.take() {
                    let _ = self.events.remove(token, &*worker.socket);
                }
            }
            let error = PoolError::StartTimeout { after: self.options.start_timeout };
            self.condemn(number, error.to_string());
            self.scaling_failed(number, error);
        }
        if self.start_again.is_some_and(|due| due <= now) {
            self.start_again = None;
            self.replace();
        }
    }

    // --- endings ---

    /// A worker's process has ended.
    fn ended(&mut self, number: u32) {
        // What it said before it ended counts: a failed initializer has a reason.
        if self.workers.get(&number).is_some_and(Worker::has_spoken) {
            self.greeted(number);
        }
        let Some(mut worker) = self.workers.remove(&number) else { return };
        let _ = self.events.remove(worker.process_token, &worker.child);
        if let Some(token) = worker.socket_token.take() {
            let _ = self.events.remove(token, &*worker.socket);
        }
        // While it is not reaped nobody else can have its number, nor that of its group.
        let _ = killpg(worker.child.pid(), Signal::SIGKILL);
        let status = worker.child.wait();
        let (status, note) = match status {
            Ok(status) => (status, worker.verdict.take()),
            Err(error) => (ExitStatus::Exited(-1), Some(error.to_string())),
        };
        let pid = worker.child.pid().as_raw() as u32;
        let mut state = self.core.lock();
        let phase = state.lanes.get(&number).map(|lane| lane.phase);
        let aborted = state.lanes.get(&number).is_some_and(|lane| lane.aborted);
        let cause = match &note {
            Some(note) => format!("{status}: {note}"),
            None => status.to_string(),
        };
        state.died(number, || TaskError::WorkerDied {
            pid,
            status,
            evidence: Evidence { note, ..Evidence::default() },
        });
        if !self.ending {
            state.turn();
        } else if state.lanes.is_empty() {
            // Nobody is left who could run what a dead worker left behind.
            state.cancel_all(|| TaskError::Cancelled);
        }
        self.core.leave(state);
        // It may have died while it rang.
        self.core.rouse_server();
        let expected = phase == Some(Phase::Leaving) && status == ExitStatus::Exited(0);
        if self.ending || expected {
            return;
        }
        if phase == Some(Phase::Starting) {
            let message = format!("its worker ended before it was ready: {cause}");
            let error = match status {
                ExitStatus::Exited(NOT_INITIALIZED) => PoolError::InitializerFailed { message },
                _ if self.options.initializer.is_some() => {
                    PoolError::InitializerFailed { message }
                }
                _ => PoolError::Handshake { message },
            };
            if self.scaling_failed(number, error) {
                return;
            }
        }
        // A worker that was killed for its aborted task, or that a failed `scale_to` gave up, has not failed itself.
        if self.staying() >= self.target {
            return;
        }
        self.core.lock().counts.restarts += 1;
        if aborted {
            return self.replace();
        }
        match self.intensity.record(self.epoch.elapsed()) {
            Verdict::Restart => self.replace(),
            Verdict::GiveUp { deaths, within } => {
                let seconds = within.as_secs_f64();
                self.break_down(format!(
                    "{deaths} workers died unexpectedly within {seconds} s, more than `restart_limit` allows; the last one: {cause}"
                ));
            }
        }
    }

    /// Starts what is missing; if that fails now, tries again later.
    fn replace(&mut self) {
        if let Err(error) = self.start_missing() {
            match self.intensity.record(self.epoch.elapsed()) {
                Verdict::Restart
                    if self.options.method != StartMethod::Fork || self.template_lives() =>
                {
                    self.start_again = Some(Instant::now() + START_AGAIN);
                }
                _ => self.break_down(format!("a worker could not be replaced: {error}")),
            }
        }
    }

    fn template_lives(&self) -> bool {
        let Some(template) = self.launcher.template() else { return true };
        let mut look = [PollFd::new(template, PollFlags::POLLIN)];
        poll(&mut look, PollTimeout::ZERO) == Ok(0)
    }

    /// The pool gives up: what has not begun never will.
    fn break_down(&mut self, cause: String) {
        let mut state = self.core.lock();
        if state.standing == Standing::Open || state.standing == Standing::Closed {
            state.standing = Standing::Broken(cause.clone());
        }
        state.cancel_all(|| TaskError::PoolBroken { cause: cause.clone() });
        self.core.leave(state);
        self.core.room_for_all();
        if let Some(scaling) = self.scaling.take() {
            let _ = scaling.answer.send(Err(PoolError::Handshake { message: cause }));
        }
    }

    // --- orders ---

    fn obey(&mut self) {
        let requests = std::mem::take(&mut self.core.lock().requests);
        for Request::Kill { lane, why } in requests {
            self.condemn(lane, why.unwrap_or_else(|| "killed on request".into()));
        }
        loop {
            match self.orders.try_recv() {
                Ok(Order::ScaleTo(count, answer)) => self.scale_to(count, answer),
                Ok(Order::Leave) => {
                    self.ending = true;
                    self.ask_to_leave(self.workers.len());
                }
                Ok(Order::Kill) => {
                    self.ending = true;
                    self.kill_all();
                }
                Err(TryRecvError::Empty) => return,
                // The pool is gone without a word, which it never is.
                Err(TryRecvError::Disconnected) => {
                    self.ending = true;
                    self.kill_all();
                    return;
                }
            }
        }
    }

    fn scale_to(&mut self, count: usize, answer: Sender<Result<(), PoolError>>) {
        if self.scaling.is_some() {
            return self.next_scalings.push_back((count, answer));
        }
        let staying = self.staying();
        let target_before = std::mem::replace(&mut self.target, count);
        if count <= staying {
            self.ask_to_leave(staying - count);
            let _ = answer.send(Ok(()));
            return;
        }
        let first_lane = self.next_lane;
        self.scaling = Some(Scaling { answer, first_lane, target_before });
        if let Err(error) = self.start_missing() {
            self.scaling_failed(first_lane, error);
        }
    }

    /// One of the new workers cannot be had: the others are not wanted either. False if nobody waits for this lane.
    fn scaling_failed(&mut self, lane: u32, error: PoolError) -> bool {
        let Some(scaling) = self.scaling.take_if(|scaling| lane >= scaling.first_lane) else {
            return false;
        };
        let _ = scaling.answer.send(Err(error));
        self.target = scaling.target_before;
        let surplus: Vec<u32> =
            self.workers.range(scaling.first_lane..).map(|(n, _)| *n).collect();
        for number in surplus {
            self.dismiss(number);
        }
        true
    }

    /// Asks one worker to leave.
    fn dismiss(&mut self, number: u32) {
        let mut state = self.core.lock();
        state.recall_all(number);
        if let Some(lane) = state.lanes.get_mut(&number) {
            lane.leave();
        }
        state.turn();
        self.core.leave(state);
    }

    /// Asks so many workers to leave, the idle ones first; they finish what they have.
    fn ask_to_leave(&mut self, count: usize) {
        let mut state = self.core.lock();
        let mut numbers: Vec<(usize, u32)> = state
            .lanes
            .iter()
            .filter(|(_, lane)| matches!(lane.phase, Phase::Ready | Phase::Starting))
            .map(|(number, lane)| (lane.flights.len(), *number))
            .collect();
        numbers.sort_unstable();
        for (_, number) in numbers.into_iter().take(count) {
            state.recall_all(number);
            if let Some(lane) = state.lanes.get_mut(&number) {
                lane.leave();
            }
        }
        state.turn();
        self.core.leave(state);
    }

    fn kill_all(&mut self) {
        let numbers: Vec<u32> = self.workers.keys().copied().collect();
        for number in numbers {
            self.condemn(number, "the pool was shut down".into());
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        for worker in std::mem::take(&mut self.workers).into_values() {
            let _ = killpg(worker.child.pid(), Signal::SIGKILL);
        }
    }
}

fn initializer_failure(outcome: u8, report: &[u8]) -> String {
    match PanicReport::decode(report) {
        Ok(report) if outcome == task::Outcome::Panicked as u8 => match &report.location {
            Some(location) => format!("it panicked at {location}: {}", report.message),
            None => format!("it panicked: {}", report.message),
        },
        _ => "its argument could not be decoded in the worker".into(),
    }
}
