//! Everything that the pool knows, under one lock, and the two moves that make it go: take answers, send tasks.
//!
//! Whoever holds the lock may call [`State::turn`]: a thread that submits, one that joins, the background thread, the
//! supervisor. A turn never blocks, never runs the user's code and never unwinds: what has to happen outside of the
//! lock (wakers of futures) is left in [`State::wakers`].
//!
//! Invariant: every accepted task is in exactly one place: in the queue, in the flights of one lane, or answered.

mod answers;
mod endings;
mod limits;
mod moving;
mod recycling;
mod sending;
mod times;
mod tracing;

use crate::lane::{Lane, Phase};
use crate::queue::Queue;
use crate::stream::Streams;
use crate::task_cell::Cell;
use crate::trace::Trace;
use executor::TaskError;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;
use std::thread::Thread;
use std::time::Duration;
pub(crate) use times::Stamp;
use times::Times;

/// What a task is taken to last before one has been measured.
const FIRST_GUESS: Duration = Duration::from_millis(1);

/// Who takes the answers while nobody else holds the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Nobody,
    Background,
    Joiner,
}

/// Whether the pool takes tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    Open,
    Closed,
    Broken(String),
}

impl Standing {
    pub(crate) fn refusal(&self) -> Option<TaskError> {
        match self {
            Standing::Open => None,
            Standing::Closed => Some(TaskError::PoolClosed),
            Standing::Broken(cause) => Some(TaskError::PoolBroken { cause: cause.clone() }),
        }
    }
}

pub(crate) use endings::End;
pub(crate) use limits::Seen;
pub(crate) use moving::STUCK;

/// How many tasks ended how, since the pool was built.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) submitted: u64,
    pub(crate) completed: u64,
    pub(crate) panicked: u64,
    pub(crate) died: u64,
    pub(crate) timed_out: u64,
    pub(crate) cancelled: u64,
    pub(crate) aborted: u64,
    pub(crate) restarts: u64,
    /// Tasks whose argument or result could not be coded.
    pub(crate) failed: u64,
}

impl Counts {
    /// Tasks that ended without the pool's doing.
    pub(crate) fn ended_by_themselves(&self) -> u64 {
        self.completed + self.panicked + self.died + self.timed_out + self.failed
    }
}

/// What the supervisor is asked to do with a lane.
#[derive(Debug)]
pub(crate) enum Request {
    /// Kill the worker: it broke the protocol, or its task was aborted.
    Kill { lane: u32, why: Option<String> },
    /// Start another worker in the place of one that was asked to leave.
    Replace { lane: u32 },
    /// Look at the tasks' limits: one is shorter than those before it.
    Watch,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) standing: Standing,
    pub(crate) queue: Queue,
    /// Boxed, because a lane is taken out and put back for each batch.
    pub(crate) lanes: BTreeMap<u32, Box<Lane>>,
    /// Lanes that have nothing to do, the one that became idle last at the end.
    idle: Vec<u32>,
    pub(crate) streams: Streams,
    /// Tasks in flight, in all lanes.
    pub(crate) in_flight: usize,
    /// No task in flight has a lower priority.
    least_sent: i8,
    pub(crate) counts: Counts,
    pub(crate) server: Server,
    /// Threads that sleep until their task is done or until they may serve.
    pub(crate) sleepers: VecDeque<Thread>,
    /// Wakers of futures, to be called without the lock.
    pub(crate) wakers: Vec<Waker>,
    /// Tasks that have ended and whose callbacks have to run, without the lock.
    pub(crate) to_tell: Vec<Arc<Cell>>,
    pub(crate) requests: Vec<Request>,
    /// Somebody whose thread sleeps got an answer in this turn.
    pub(crate) roused: bool,
    /// How long a task lasts, as the workers say.
    task_ns: u64,
    /// Whether one has said so.
    measured: bool,
    /// How many processors the program may use.
    processors: usize,
    /// Threads that wait for room in the queue.
    pub(crate) blocked: usize,
    /// The thread that waits until nothing is left to do.
    pub(crate) drained: Option<Thread>,
    /// How long after its last look at the tasks' limits the supervisor looks again, in nanoseconds.
    watched_ns: u64,
    /// Whether the server knows that tasks are behind others while a lane is idle, and looks again soon.
    pub(crate) watches_uneven: bool,
    /// How often somebody has looked after the lanes.
    pub(crate) turns: u64,
    /// Tasks submitted since the last turn by a submitter.
    unattended: u32,
    scratch: Vec<u8>,
    pub(crate) times: Times,
    pub(crate) trace: Option<Box<Trace>>,
}

impl State {
    pub(crate) fn new(processors: usize) -> State {
        State {
            standing: Standing::Open,
            queue: Queue::default(),
            lanes: BTreeMap::new(),
            idle: Vec::new(),
            streams: Streams::default(),
            in_flight: 0,
            least_sent: i8::MAX,
            counts: Counts::default(),
            server: Server::Nobody,
            sleepers: VecDeque::new(),
            wakers: Vec::new(),
            to_tell: Vec::new(),
            requests: Vec::new(),
            roused: false,
            task_ns: FIRST_GUESS.as_nanos() as u64,
            measured: false,
            processors,
            blocked: 0,
            drained: None,
            watched_ns: limits::UNWATCHED,
            watches_uneven: false,
            turns: 0,
            unattended: 0,
            scratch: Vec::new(),
            times: Times::default(),
            trace: None,
        }
    }

    /// Notes that a lane has nothing to do, if that is so. Whatever takes the last flight from a lane calls this.
    fn list_idle(&mut self, number: u32) {
        if let Some(mut lane) = self.lanes.remove(&number) {
            self.list_if_idle(number, &mut lane);
            self.lanes.insert(number, lane);
        }
    }

    /// The same for a lane that is not in its place just now.
    fn list_if_idle(&mut self, number: u32, lane: &mut Lane) {
        if lane.is_idle() && !lane.is_listed {
            lane.is_listed = true;
            self.idle.push(number);
        }
    }

    /// Takes the lane that became idle last.
    fn pop_idle(&mut self) -> Option<u32> {
        while let Some(number) = self.idle.pop() {
            if let Some(lane) = self.lanes.get_mut(&number) {
                lane.is_listed = false;
                if lane.is_idle() {
                    return Some(number);
                }
            }
        }
        None
    }

    /// Whether a task is accepted and has no answer.
    pub(crate) fn has_work(&self) -> bool {
        self.in_flight > 0 || self.queue.len() > 0
    }

    /// Takes what was answered and sends what waits.
    pub(crate) fn turn(&mut self) {
        self.turns += 1;
        self.take_answers();
        self.free_stuck();
        self.send_waiting();
        self.share_out();
        self.trace_turn();
    }

    /// A lane whose worker has shaken hands takes tasks from now on.
    pub(crate) fn ready(&mut self, number: u32) {
        if let Some(lane) = self.lanes.get_mut(&number) {
            // It may have been asked to leave meanwhile.
            if lane.phase == Phase::Starting {
                lane.phase = Phase::Ready;
            }
            self.list_idle(number);
            self.mark(number, "ready", None);
            // Whoever sleeps may have made plans without this lane.
            self.roused = true;
        }
    }
}
