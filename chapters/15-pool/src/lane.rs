//! The program's end of its connection with one worker.
//!
//! A lane knows of every task that it sent and that is not answered, in order: its flights. A worker answers in order
//! too, so each result belongs to the first flight. When the worker dies, the flights say what was lost: the first one
//! if its mark says that it was begun, and no other.
//!
//! Owner: the pool's state, under its lock. Nothing here believes what the worker wrote: what does not fit is
//! [`Broken`], and the worker is killed for it.

mod large;
mod recalling;

use crate::layout::{Extra, Header, INLINE_BYTES_MAX, ResultTag, TaskTag, mark};
use crate::task_cell::{Attached, Cell, Payload};
use byte_ring::{Consumer, Position, Producer, WriteError};
use shared::{Growing, passing};
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// The most messages with descriptors that are on their way to one worker: what its socket takes without blocking.
const MESSAGES_MAX: usize = 8;

/// Room that a record without a payload needs in the ring, in bytes, with a filler before it.
const ROOM_KEPT: usize = 256;

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
    attached: Attached,
}

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
struct Freed(Header);

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
        self.0.freed().fetch_add(1, Ordering::Release);
        self.0.room().ring();
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

/// The connection with one worker.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) pid: u32,
    pub(crate) phase: Phase,
    pub(crate) flights: VecDeque<Flight>,
    /// How many results were taken from it.
    pub(crate) answered: u64,
    /// When it got its first flight, or last answered.
    pub(crate) since: Instant,
    /// Whether it stands in the state's list of idle lanes.
    pub(crate) is_listed: bool,
    /// Its running task was aborted: it is not to be blamed on the worker.
    pub(crate) aborted: bool,
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
}

impl Lane {
    pub(crate) fn new(
        pid: u32,
        header: Header,
        socket: Arc<OwnedFd>,
    ) -> Result<Lane, crate::PoolError> {
        header.wanted().store(1, Ordering::Relaxed);
        Ok(Lane {
            pid,
            phase: Phase::Starting,
            flights: VecDeque::new(),
            answered: 0,
            since: Instant::now(),
            is_listed: false,
            aborted: false,
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
        })
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// Whether it takes tasks and has none.
    pub(crate) fn is_idle(&self) -> bool {
        self.phase == Phase::Ready && self.flights.is_empty()
    }

    /// Whether it has tasks, but fewer than `depth`.
    pub(crate) fn is_in_use(&self, depth: usize) -> bool {
        self.phase == Phase::Ready && (1..depth).contains(&self.flights.len())
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
                self.flew(Flight {
                    position,
                    ticket: ticket(),
                    deaths,
                    in_area: false,
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
    }

    /// Replaces the `Extra` at `start` by what it stands for.
    fn fetch(
        &mut self,
        bytes: &mut Vec<u8>,
        start: usize,
        park: bool,
    ) -> Result<Beside, Broken> {
        let (extra, _) = Extra::split(&bytes[start..])
            .ok_or_else(|| Broken("a result is shorter than its own header".into()))?;
        bytes.drain(start..start + Extra::BYTES);
        if extra.new_area {
            for descriptor in self.receive(1)? {
                let area = Growing::from_descriptor(descriptor)
                    .map_err(|error| Broken(format!("the area of its results: {error}")))?;
                self.results_area = Some(Arc::new(area));
            }
        }
        let mut parked = None;
        if let Some(len) = extra.area_len {
            let area = self.mapped_results(len)?;
            let len = len as usize;
            if park {
                self.header.parked().fetch_add(1, Ordering::Release);
                parked = Some(Parked { area, len, _freed: Freed(self.header.clone()) });
            } else {
                bytes.truncate(start);
                bytes
                    .try_reserve_exact(len)
                    .map_err(|_| Broken(format!("no memory for a result of {len} bytes")))?;
                let room = bytes.spare_capacity_mut().as_mut_ptr().cast::<u8>();
                // SAFETY: `len` bytes are mapped, `bytes` has room for them, and the two are different memory. The
                // worker does not write before it gets the next task; if it does against the protocol, the bytes are
                // any bytes.
                unsafe { area.as_ptr().as_ptr().copy_to_nonoverlapping(room, len) };
                // SAFETY: the bytes up to here were just written.
                unsafe { bytes.set_len(start + len) };
            }
        }
        let descriptors = match extra.descriptors {
            0 => Vec::new(),
            count => self.receive(count)?,
        };
        Ok(Beside { descriptors, parked })
    }

    /// The area of large results with at least `len` bytes mapped.
    fn mapped_results(&mut self, len: u64) -> Result<Arc<Growing>, Broken> {
        let area = self.results_area.as_mut();
        let area =
            area.ok_or_else(|| Broken("a result is in an area that it never sent".into()))?;
        let len = usize::try_from(len)
            .map_err(|_| Broken("a result of more bytes than there are".into()))?;
        if area.mapped_bytes() < len {
            Arc::get_mut(area)
                .ok_or_else(|| Broken("it wrote over a result that was being read".into()))?
                .map_at_least(len)
                .map_err(|error| Broken(format!("the area of its results: {error}")))?;
        }
        Ok(Arc::clone(area))
    }

    fn receive(&self, count: u32) -> Result<Vec<OwnedFd>, Broken> {
        let mut descriptors = Vec::new();
        while descriptors.len() < count as usize {
            let received = passing::receive(self.socket.as_fd(), &mut [0; 8])
                .map_err(|error| Broken(format!("its socket: {error}")))?;
            let got = received.descriptors.len();
            if got == 0 || got > count as usize - descriptors.len() {
                return Err(Broken(format!(
                    "{got} descriptors came with a result that announced {count}"
                )));
            }
            descriptors.extend(received.descriptors);
        }
        Ok(descriptors)
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
}

fn not_sent(error: WriteError) -> NotSent {
    match error {
        WriteError::Full => NotSent::Full,
        other => NotSent::Broken(Broken(other.to_string())),
    }
}
