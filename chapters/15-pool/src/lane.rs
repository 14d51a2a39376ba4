//! The program's end of its connection with one worker.
//!
//! A lane knows of every task that it sent and that is not answered, in order: its flights. A worker answers in order
//! too, so each result belongs to the first flight. When the worker dies, the flights say what was lost: the first one
//! if its mark says that it was begun, or if its worker has spoilt the lane and nobody knows; and no other.
//!
//! Owner: the pool's state, under its lock. Nothing here believes what the worker wrote: what does not fit is
//! [`Broken`], and the worker is killed for it.

mod fetching;
mod kept;
mod large;
mod recalling;

use self::kept::{Kept, Place};
use crate::clock::now_ns;
use crate::histogram::Said;
use crate::layout::{Header, INLINE_BYTES_MAX, ResultTag, Span, TaskTag, mark};
use crate::origin::Origin;
use crate::state::{STUCK, Seen, Stamp};
use crate::task_cell::{Attached, Cell, Payload};
use byte_ring::{Consumer, Position, Producer, WriteError};
use executor::PoolError;
use shared::Growing;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use supervise::Recycling;
use supervise::life::{self, Cause};

/// The most messages with descriptors that are on their way to one worker: what its socket takes without blocking.
const MESSAGES_MAX: usize = 8;

/// A worker that has not begun its task for so long does not get the processor, or is stopped.
const STALLED: Duration = Duration::from_millis(100);

/// How often two words that belong together are looked at until they do.
const LOOKS_MAX: u32 = 8;

/// Room that a record without a payload needs in the ring, in bytes, with a filler before it.
const ROOM_KEPT: usize = 256;

// ANCHOR: flight
/// Whose task it is.
#[derive(Debug)]
pub(crate) enum Ticket {
    /// A task of `submit`.
    Task(Arc<Cell>),
    /// One input of a `map`.
    Item { stream: u32, index: u64 },
}

/// A task that was sent and is not answered.
#[derive(Debug)]
pub(crate) struct Flight {
    position: Position,
    pub(crate) ticket: Ticket,
    /// How many workers have died of it before.
    pub(crate) deaths: u32,
    /// Whether its argument is in the lane's area.
    in_area: bool,
    /// The program's copy of its argument, if it is not; its length in any case.
    place: Place,
    attached: Attached,
}
// ANCHOR_END: flight

/// Why a task was not sent.
#[derive(Debug)]
pub(crate) enum NotSent {
    /// No room now.
    Full,
    /// The area for large arguments could not be had.
    NoMemory(shared::SharedError),
    /// The socket or the ring is not what it should be.
    Broken(Broken),
}

/// The worker broke the protocol, or its connection broke.
#[derive(Debug)]
pub(crate) struct Broken(pub(crate) String);

/// One result, as the worker wrote it; its bytes are with the caller.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) outcome: u8,
    /// What did not come through the ring; hardly any result has it.
    pub(crate) beside: Option<Box<Beside>>,
}

/// What belongs to a result and does not come through the ring.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    pub(crate) descriptors: Vec<OwnedFd>,
    /// The payload, if it was left where the worker wrote it.
    pub(crate) parked: Option<Parked>,
    /// Why this process has no room for it: its task fails, and the worker did nothing wrong.
    pub(crate) lost: Option<String>,
}

/// A large result that lies where its worker wrote it. The worker waits with its next large one until this is dropped.
#[derive(Debug)]
pub(crate) struct Parked {
    /// Before `freed`, so that it is given up when the worker learns that it may write again.
    area: Arc<Growing>,
    len: usize,
    _freed: Freed,
}

/// Tells the worker on drop that one parked result was read.
#[derive(Debug)]
struct Freed {
    header: Header,
    origin: Origin,
}

impl Parked {
    /// The bytes, in memory that the worker maps too: to be copied, not to be believed.
    ///
    /// # Safety
    /// The caller only copies them: a worker that breaks the protocol may change them at any time.
    pub(crate) unsafe fn bytes(&self) -> &[u8] {
        // SAFETY: so many bytes are mapped as long as the area lives, and any bytes are valid.
        unsafe { std::slice::from_raw_parts(self.area.as_ptr().as_ptr(), self.len) }
    }
}

impl Drop for Freed {
    fn drop(&mut self) {
        // A copy of the program reads from a mapping of its own, and the worker waits for the program.
        if self.origin.is_here() {
            self.header.freed().fetch_add(1, Ordering::Release);
            self.header.room().ring();
        }
    }
}

/// What has become of the worker behind the lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It was started and has not shaken hands.
    Starting,
    /// It takes tasks.
    Ready,
    /// It was asked to leave, and takes no more.
    Leaving,
    /// It is being killed.
    Doomed,
}

/// Why a worker is killed that has done no wrong but for its task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doom {
    /// Its task, which began then on [`crate::clock`], ran past its limit.
    TimedOut { started_ns: u64 },
    /// It has more than twice the memory that it may have.
    OverMemory,
    /// Its task was aborted, or the pool is shut down at once.
    Aborted,
}

impl Doom {
    fn cause(self) -> Cause {
        match self {
            Doom::TimedOut { .. } => Cause::TimedOut,
            Doom::OverMemory => Cause::OverMemory,
            Doom::Aborted => Cause::Aborted,
        }
    }
}

/// The connection with one worker.
#[derive(Debug)]
pub(crate) struct Lane {
    /// The worker's process; 0 before it is started.
    pub(crate) pid: u32,
    pub(crate) phase: Phase,
    pub(crate) flights: VecDeque<Flight>,
    /// How many results were taken from it.
    pub(crate) answered: u64,
    /// When it got its first flight, or last answered.
    pub(crate) since: Instant,
    /// Whether it stands in the state's list of idle lanes.
    pub(crate) is_listed: bool,
    /// Its worker does not take what it is sent: it gets nothing more for now.
    pub(crate) stalled: bool,
    /// Why it is killed or will be, if not for what it wrote.
    pub(crate) doom: Option<Doom>,
    /// When it was made, on [`crate::clock`].
    pub(crate) made_ns: u64,
    /// When the program first saw its first flight begun, if it looked.
    pub(crate) seen: Option<Seen>,
    /// When its worker is to be replaced although it works.
    pub(crate) recycling: Recycling,
    /// When its worker's memory was looked at last, on [`crate::clock`], and how many tasks it had answered then.
    pub(crate) weighed_ns: u64,
    pub(crate) weighed_answered: u64,
    /// Its worker takes no more tasks: it has grown too much.
    is_spent: bool,
    /// Its row in the trace; 0 if the pool is not traced.
    pub(crate) row: u32,
    /// Since when nothing stands in that row.
    pub(crate) row_free_ns: u64,
    /// When the task ran whose result was taken last, and its outcome, if the pool is traced.
    pub(crate) span: Span,
    pub(crate) outcome: u8,
    /// Whether its worker times every task.
    is_timed: bool,
    header: Header,
    tasks: Producer,
    results: Consumer,
    socket: Arc<OwnedFd>,
    /// Large arguments, one at a time.
    area: Option<Growing>,
    area_in_use: bool,
    /// Its descriptor is in the socket, and no record has said so.
    area_unannounced: bool,
    /// Large results.
    results_area: Option<Arc<Growing>>,
    /// Records whose worker finds messages in its socket, until it has passed them.
    mail: VecDeque<Position>,
    /// It was asked to leave, and its ring had no room for that yet.
    leave_unsent: bool,
    unpublished: bool,
    kept: Kept,
    /// The worker broke the protocol: what it has marked in its ring says nothing.
    is_spoilt: bool,
}

impl Lane {
    /// A lane whose worker is yet to be started.
    pub(crate) fn new(
        header: Header,
        socket: Arc<OwnedFd>,
        recycling: Recycling,
    ) -> Result<Lane, PoolError> {
        header.wanted().store(1, Ordering::Relaxed);
        Ok(Lane {
            pid: 0,
            phase: Phase::Starting,
            flights: VecDeque::new(),
            answered: 0,
            since: Instant::now(),
            is_listed: false,
            stalled: false,
            doom: None,
            made_ns: now_ns(),
            seen: None,
            recycling,
            weighed_ns: now_ns(),
            weighed_answered: 0,
            is_spent: false,
            is_timed: false,
            row: 0,
            row_free_ns: 0,
            span: Span::default(),
            outcome: 0,
            tasks: header.task_producer()?,
            results: header.result_consumer()?,
            header,
            socket,
            area: None,
            area_in_use: false,
            area_unannounced: false,
            results_area: None,
            mail: VecDeque::new(),
            leave_unsent: false,
            unpublished: false,
            kept: Kept::default(),
            is_spoilt: false,
        })
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// Its worker, which does not exist yet, will say of every task when it ran.
    pub(crate) fn trace(&mut self, row: u32) {
        self.row = row;
        self.header.traced().store(1, Ordering::Relaxed);
        self.time_all();
    }

    #[inline]
    pub(crate) fn is_traced(&self) -> bool {
        self.row != 0
    }

    /// Whether a result lies in the ring.
    pub(crate) fn has_result(&mut self) -> bool {
        !self.results.is_empty()
    }

    /// From now on its worker says of every task when it began.
    #[inline]
    pub(crate) fn time_all(&mut self) {
        if !self.is_timed {
            self.is_timed = true;
            self.header.time_all().store(1, Ordering::Relaxed);
        }
    }

    /// How many more tasks its worker may be sent.
    pub(crate) fn budget(&self) -> usize {
        if self.is_spent {
            return 0;
        }
        let Some(max_tasks) = self.recycling.max_tasks else { return usize::MAX };
        let left = max_tasks.saturating_sub(self.answered + self.flights.len() as u64);
        usize::try_from(left).unwrap_or(usize::MAX)
    }

    /// Its worker is sent nothing more, and leaves after its task.
    pub(crate) fn spend(&mut self) {
        self.is_spent = true;
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.is_spent
    }

    pub(crate) fn is_timed(&self) -> bool {
        self.is_timed
    }

    /// What its worker says of the tasks that it has run.
    pub(crate) fn said(&self) -> Said<'_> {
        Said {
            buckets: self.header.run(),
            max_ns: self.header.longest_ns().load(Ordering::Relaxed),
            mean_ns: self.header.task_ns().load(Ordering::Relaxed),
            answered: self.answered,
            in_flight: self.flights.len() as u64,
            lived_ns: now_ns().saturating_sub(self.made_ns),
        }
    }

    /// For how long its worker has run tasks, the one under way included.
    pub(crate) fn busy_ns(&self) -> u64 {
        let lived_ns = now_ns().saturating_sub(self.made_ns);
        let header = &self.header;
        let mut busy_ns = 0;
        // The worker writes the two words one after the other: they belong together if the second has not changed.
        for _ in 0..LOOKS_MAX {
            let accounted_ns = header.accounted_ns().load(Ordering::Acquire);
            busy_ns = header.busy_ns().load(Ordering::Acquire);
            let is_busy = self.is_busy();
            if header.accounted_ns().load(Ordering::Acquire) == accounted_ns {
                if is_busy && accounted_ns > 0 {
                    busy_ns = busy_ns.saturating_add(now_ns().saturating_sub(accounted_ns));
                }
                break;
            }
        }
        busy_ns.min(lived_ns)
    }

    /// Whether it takes tasks and has none.
    pub(crate) fn is_idle(&self) -> bool {
        self.phase == Phase::Ready
            && self.flights.is_empty()
            && !self.stalled
            && self.budget() > 0
    }

    /// Whether its worker has not begun what it was given long ago. Such a worker is stopped, or gets no processor.
    pub(crate) fn is_stalling(&self, now: Instant) -> bool {
        self.phase == Phase::Ready
            && !self.flights.is_empty()
            && now.saturating_duration_since(self.since) > STALLED
            && !self.is_busy()
    }

    /// Whether it has tasks and has not answered for so long that the one it runs is no short one.
    #[inline]
    pub(crate) fn is_stuck(&self, now: Instant) -> bool {
        !self.flights.is_empty() && now.saturating_duration_since(self.since) > STUCK
    }

    /// A worker that was stalled has passed over everything that it was sent.
    pub(crate) fn recover(&mut self) -> bool {
        let recovers = self.stalled && self.tasks.unread_bytes() == 0;
        self.stalled &= !recovers;
        recovers
    }

    /// Whether it has tasks, but fewer than `depth`.
    pub(crate) fn is_in_use(&self, depth: usize) -> bool {
        self.phase == Phase::Ready && (1..depth).contains(&self.flights.len())
    }

    /// The worker broke the protocol: it takes no more tasks, and has to be killed.
    pub(crate) fn spoil(&mut self) {
        self.is_spoilt = true;
        self.phase = Phase::Doomed;
    }

    /// Looks whether a worker without tasks has left its lane as it should be. One that has not would cost the next task.
    pub(crate) fn is_sound(&mut self) -> bool {
        // If the worker's index is wild, the next write says so.
        self.tasks.free_bytes();
        !self.flights.is_empty() || self.results.is_empty()
    }

    /// Whether a result is there that was not taken.
    pub(crate) fn has_answers(&mut self) -> bool {
        self.phase != Phase::Doomed && !self.flights.is_empty() && !self.results.is_empty()
    }

    /// Sends a task; [`Lane::publish`] makes it visible.
    #[inline]
    pub(crate) fn send(
        &mut self,
        call: u64,
        payload: &[u8],
        attached: Attached,
        ticket: impl FnOnce() -> Ticket,
        deaths: u32,
    ) -> Result<(), (NotSent, Attached)> {
        if payload.len() > INLINE_BYTES_MAX || attached.is_some() {
            return self.send_extra(call, payload, attached, ticket, deaths);
        }
        match self.tasks.write(TaskTag::Call(call).to_bits(), payload) {
            Ok(position) => {
                let place = self.kept.push(payload);
                self.flew(Flight {
                    position,
                    ticket: ticket(),
                    deaths,
                    in_area: false,
                    place,
                    attached,
                });
                Ok(())
            }
            Err(error) => Err((not_sent(error), attached)),
        }
    }

    #[inline]
    fn flew(&mut self, flight: Flight) {
        self.flights.push_back(flight);
        self.unpublished = true;
    }

    /// Whether the worker may look for the next task for a moment before it sleeps.
    #[inline]
    pub(crate) fn may_look(&self, yes: bool) {
        // Written only when it changes: the worker reads the line all the time.
        if (self.header.may_look().load(Ordering::Relaxed) != 0) != yes {
            self.header.may_look().store(yes.into(), Ordering::Relaxed);
        }
    }

    /// Asks the worker to leave once it has run what it has.
    pub(crate) fn leave(&mut self) {
        self.phase = Phase::Leaving;
        self.leave_unsent = true;
        self.send_leave();
    }

    /// If the ring is full of records that the worker has yet to pass, it is asked after its next answer.
    pub(crate) fn send_leave(&mut self) {
        if self.leave_unsent && self.tasks.write(TaskTag::Leave.to_bits(), &[]).is_ok() {
            self.leave_unsent = false;
            self.unpublished = true;
            self.publish();
        }
    }

    /// Shows the worker what was sent, and wakes it if it sleeps.
    #[inline]
    pub(crate) fn publish(&mut self) {
        if self.unpublished {
            self.unpublished = false;
            self.tasks.publish();
            self.header.tasks().ring();
        }
    }

    /// Takes the next result: its payload is appended to `bytes`. With `park` a large one stays where it is.
    #[inline]
    pub(crate) fn next(
        &mut self,
        bytes: &mut Vec<u8>,
        park: bool,
    ) -> Result<Option<Taken>, Broken> {
        let record = match self.results.next() {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(None),
            Err(error) => return Err(Broken(error.to_string())),
        };
        let tag = ResultTag::from_bits(record.tag());
        if self.flights.front().map(|flight| flight.position.to_bits()) != Some(tag.position) {
            return Err(Broken("it answered a task that it was not given".into()));
        }
        let start = bytes.len();
        record.copy_to(bytes);
        if self.row != 0 {
            self.outcome = tag.outcome;
            self.span = split_span(bytes, start)?;
        }
        if !tag.extra {
            self.land();
            return Ok(Some(Taken { outcome: tag.outcome, beside: None }));
        }
        // A result that cannot be taken whole is none: its task stays in flight, and is lost with the worker.
        let beside = match self.fetch(bytes, start, park && tag.outcome == 0) {
            Ok(beside) => beside,
            Err(broken) => {
                bytes.truncate(start);
                return Err(broken);
            }
        };
        self.land();
        Ok(Some(Taken { outcome: tag.outcome, beside: Some(Box::new(beside)) }))
    }

    /// The first flight is answered.
    #[inline]
    fn land(&mut self) {
        self.answered += 1;
        if self.flights.pop_front().is_some_and(|flight| flight.in_area) {
            self.area_in_use = false;
        }
        // Not for each answer: what is kept too long is only memory.
        if self.flights.is_empty() || self.kept.is_long() {
            self.forget();
        }
    }

    /// The copies of what is answered or was taken back are not needed any more.
    #[inline]
    fn forget(&mut self) {
        let first = self.flights.iter().find(|flight| !flight.in_area);
        self.kept.forget(first.map(|flight| flight.place));
    }

    /// Gives back the room of the results that were taken, and wakes the worker if it waits for room.
    #[inline]
    pub(crate) fn release(&mut self) {
        self.results.release();
        self.header.room().ring();
    }

    /// Whether the worker runs a task.
    pub(crate) fn is_busy(&self) -> bool {
        self.flights.front().is_some_and(|first| self.is_running(first))
    }

    /// Where its worker is in its life, as [`supervise::life`] has it, with a task that was `begun` or with none.
    pub(crate) fn life(&self, begun: bool) -> life::State {
        match (self.phase, self.doom) {
            (_, Some(doom)) => life::State::Killed { task: begun.then(|| doom.cause()) },
            (Phase::Starting, None) => life::State::Starting,
            (Phase::Leaving, None) => life::State::Leaving { task: begun },
            // One that is killed for what it wrote has died: it counts when it is gone.
            (Phase::Ready | Phase::Doomed, None) if begun => life::State::Running,
            (Phase::Ready | Phase::Doomed, None) => life::State::Idle,
        }
    }

    /// Whether its task ends by its time limit, whatever the worker does.
    pub(crate) fn is_timed_out(&self) -> bool {
        matches!(self.doom, Some(Doom::TimedOut { .. }))
    }

    /// Whether the worker has begun the first flight.
    pub(crate) fn is_running(&self, flight: &Flight) -> bool {
        self.tasks
            .mark(flight.position)
            .is_ok_and(|mark| mark.load(Ordering::Acquire) == mark::STARTED)
    }
}

/// A task that came back from a lane.
#[derive(Debug)]
pub(crate) struct Recalled {
    pub(crate) ticket: Ticket,
    pub(crate) deaths: u32,
    /// Its payload; `None` if the worker has destroyed it.
    pub(crate) sent: Option<Payload>,
    /// From when on it waits again; none if its first wait is counted already.
    pub(crate) stamp: Stamp,
}

/// Takes the span away that stands before a result.
#[cold]
fn split_span(bytes: &mut Vec<u8>, start: usize) -> Result<Span, Broken> {
    let Some(span) = bytes[start..].first_chunk().copied() else {
        bytes.truncate(start);
        return Err(Broken("a result does not say when its task ran".into()));
    };
    bytes.drain(start..start + Span::BYTES);
    Ok(Span::from_bytes(span))
}

fn not_sent(error: WriteError) -> NotSent {
    match error {
        WriteError::Full => NotSent::Full,
        other => NotSent::Broken(Broken(other.to_string())),
    }
}
