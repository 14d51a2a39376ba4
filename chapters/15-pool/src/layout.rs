//! What the program and one worker share, byte for byte, and how a record's tag is read.
//!
//! A lane is the program's whole connection with one worker: a header with a few words, a ring of tasks and a ring of
//! results, all in one sealed segment that no other worker maps. The one word that all workers ring is the bell, in a
//! segment of its own: nobody can own it, so a dead worker cannot hold it.
//!
//! ```text
//! byte 0      tasks: Doorbell     the worker sleeps here when it has no task
//!      128    room: Doorbell      the worker sleeps here when the ring of results is full
//!      256    may_look: u32       whether the worker may look before it sleeps         (the program writes)
//!      264    wanted: u64         ring the bell when so many results were published  (the program writes)
//!      272    parked: u64         how many large results the program has left in place
//!      280    freed: u64          how many of them it has read since
//!      288    time_all: u32       whether every task is to be timed                  (the program writes)
//!      292    traced: u32         whether each result begins with a `Span`; written before the worker starts
//!      320    results_lost: u32   the area of large results did not arrive       (the program writes; the worker clears)
//!      384    task_ns: u64        how long a task lasts, on average                  (the worker writes)
//!      392    started_ns: u64     when the last timed task began
//!      400    busy_ns: u64        how long the timed tasks have run, and what the others are taken to have
//!      408    accounted_ns: u64   up to when; if the worker is busy, it has run tasks ever since
//!      416    longest_ns: u64     the longest task
//!      448    arguments_lost: u32 that of large arguments did not            (the worker writes; the program clears)
//!      1024   run: [u64; 376]     how many tasks have lasted how long
//!      4096   ring of tasks
//!      ...    ring of results
//! ```

use crate::histogram;
use byte_ring::{Consumer, Producer, bytes_for};
use executor::PoolError;
use shared::Segment;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};
use wake::Doorbell;

/// Bytes of each ring. A payload above a quarter of it travels through an area of its own.
pub(crate) const RING_BYTES: usize = 128 << 10;
/// The largest payload that travels in a ring.
pub(crate) const INLINE_BYTES_MAX: usize =
    Producer::payload_max(RING_BYTES) - Extra::BYTES - Span::BYTES;
const HEADER_BYTES: usize = 4096;
const TASKS_AT: usize = 0;
const ROOM_AT: usize = 128;
const MAY_LOOK_AT: usize = 256;
const WANTED_AT: usize = 264;
const PARKED_AT: usize = 272;
const FREED_AT: usize = 280;
const TIME_ALL_AT: usize = 288;
const TRACED_AT: usize = 292;
const RESULTS_LOST_AT: usize = 320;
const TASK_NS_AT: usize = 384;
const STARTED_NS_AT: usize = 392;
const BUSY_NS_AT: usize = 400;
const ARGUMENTS_LOST_AT: usize = 448;
const ACCOUNTED_NS_AT: usize = 408;
const LONGEST_NS_AT: usize = 416;
const RUN_AT: usize = 1024;
const _: () = assert!(RUN_AT + size_of::<histogram::Shared>() <= HEADER_BYTES);

/// The whole segment of a lane, in bytes.
pub(crate) const LANE_BYTES: usize = HEADER_BYTES + 2 * bytes_for(RING_BYTES);
/// The segment of the bell, in bytes.
pub(crate) const BELL_BYTES: usize = 4096;

/// The lane's segment with its words by name.
#[derive(Debug, Clone)]
pub(crate) struct Header(Arc<Segment>);

impl Header {
    /// Wraps a segment of a lane.
    ///
    /// # Errors
    /// [`PoolError::Handshake`] if it has not the length of one.
    pub(crate) fn new(segment: Arc<Segment>) -> Result<Header, PoolError> {
        if segment.len_bytes() < LANE_BYTES {
            let message = format!(
                "its segment has {} bytes instead of {LANE_BYTES}",
                segment.len_bytes()
            );
            return Err(PoolError::Handshake { message });
        }
        Ok(Header(segment))
    }

    pub(crate) fn tasks(&self) -> &Doorbell {
        self.0.at(TASKS_AT).expect("inside the header")
    }

    pub(crate) fn room(&self) -> &Doorbell {
        self.0.at(ROOM_AT).expect("inside the header")
    }

    pub(crate) fn may_look(&self) -> &AtomicU32 {
        self.0.at(MAY_LOOK_AT).expect("inside the header")
    }

    pub(crate) fn wanted(&self) -> &AtomicU64 {
        self.0.at(WANTED_AT).expect("inside the header")
    }

    /// How many large results the program has left in the worker's area, to be decoded from there.
    pub(crate) fn parked(&self) -> &AtomicU64 {
        self.0.at(PARKED_AT).expect("inside the header")
    }

    /// How many of them it has decoded. The worker does not write to its area before this is [`Header::parked`].
    pub(crate) fn freed(&self) -> &AtomicU64 {
        self.0.at(FREED_AT).expect("inside the header")
    }

    /// Not 0: the descriptor of the worker's area found no room in the program, and is to be sent again.
    pub(crate) fn results_lost(&self) -> &AtomicU32 {
        self.0.at(RESULTS_LOST_AT).expect("inside the header")
    }

    /// The same of the program's area in the worker.
    pub(crate) fn arguments_lost(&self) -> &AtomicU32 {
        self.0.at(ARGUMENTS_LOST_AT).expect("inside the header")
    }

    /// How long the worker's tasks last, in nanoseconds; 0 before the first. It may say anything.
    pub(crate) fn task_ns(&self) -> &AtomicU64 {
        self.0.at(TASK_NS_AT).expect("inside the header")
    }

    /// Whether the worker times every task, not only as many as it takes to know their pace.
    pub(crate) fn time_all(&self) -> &AtomicU32 {
        self.0.at(TIME_ALL_AT).expect("inside the header")
    }

    /// Whether each result begins with a [`Span`]. The worker reads it once.
    pub(crate) fn traced(&self) -> &AtomicU32 {
        self.0.at(TRACED_AT).expect("inside the header")
    }

    /// When the last timed task began, on [`crate::clock`]. It may say anything.
    pub(crate) fn started_ns(&self) -> &AtomicU64 {
        self.0.at(STARTED_NS_AT).expect("inside the header")
    }

    /// For how long the worker has run tasks, in nanoseconds. It may say anything.
    pub(crate) fn busy_ns(&self) -> &AtomicU64 {
        self.0.at(BUSY_NS_AT).expect("inside the header")
    }

    /// Up to when [`Header::busy_ns`] counts, on [`crate::clock`]: since then the worker has run tasks all the time, if it
    /// is busy. It may say anything.
    pub(crate) fn accounted_ns(&self) -> &AtomicU64 {
        self.0.at(ACCOUNTED_NS_AT).expect("inside the header")
    }

    /// How long the longest task lasted, in nanoseconds. It may say anything.
    pub(crate) fn longest_ns(&self) -> &AtomicU64 {
        self.0.at(LONGEST_NS_AT).expect("inside the header")
    }

    /// How many tasks have lasted how long. It may say anything.
    pub(crate) fn run(&self) -> &histogram::Shared {
        self.0.at(RUN_AT).expect("inside the header")
    }

    /// Both ends of the ring of tasks: the caller takes the one that is its own.
    pub(crate) fn task_producer(&self) -> Result<Producer, PoolError> {
        Producer::new(Arc::clone(&self.0), HEADER_BYTES, RING_BYTES).map_err(handshake)
    }

    pub(crate) fn task_consumer(&self) -> Result<Consumer, PoolError> {
        Consumer::new(Arc::clone(&self.0), HEADER_BYTES, RING_BYTES).map_err(handshake)
    }

    pub(crate) fn result_producer(&self) -> Result<Producer, PoolError> {
        Producer::new(Arc::clone(&self.0), HEADER_BYTES + bytes_for(RING_BYTES), RING_BYTES)
            .map_err(handshake)
    }

    pub(crate) fn result_consumer(&self) -> Result<Consumer, PoolError> {
        Consumer::new(Arc::clone(&self.0), HEADER_BYTES + bytes_for(RING_BYTES), RING_BYTES)
            .map_err(handshake)
    }
}

fn handshake(error: byte_ring::RingError) -> PoolError {
    PoolError::Handshake { message: error.to_string() }
}

// ANCHOR: mark
/// The mark of a task's record: what has become of the task.
pub(crate) mod mark {
    /// In the ring, not begun.
    pub(crate) const SENT: u32 = 0;
    /// The worker has begun it: if the worker dies now, it is this task that is lost.
    pub(crate) const STARTED: u32 = 1;
    /// The program has taken it back: the worker passes over it and answers nothing.
    pub(crate) const RECALLED: u32 = 2;
}
// ANCHOR_END: mark

/// Tags of task records below this are no calls: an executable's functions do not begin in its header.
const TAGS_OF_OUR_OWN: u64 = 64;
/// The record's payload begins with an [`Extra`].
const TAG_EXTRA: u64 = 1;
/// The worker is to leave: no more tasks will come.
const TAG_LEAVE: u64 = 2;

/// A task's record, as its tag says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskTag {
    /// A call, its argument is the payload.
    Call(u64),
    /// The payload begins with an [`Extra`].
    Extra,
    Leave,
}

impl TaskTag {
    pub(crate) fn to_bits(self) -> u64 {
        match self {
            TaskTag::Call(call) => call,
            TaskTag::Extra => TAG_EXTRA,
            TaskTag::Leave => TAG_LEAVE,
        }
    }

    pub(crate) fn from_bits(bits: u64) -> Option<TaskTag> {
        match bits {
            TAG_EXTRA => Some(TaskTag::Extra),
            TAG_LEAVE => Some(TaskTag::Leave),
            TAGS_OF_OUR_OWN.. => Some(TaskTag::Call(bits)),
            _ => None,
        }
    }
}

/// What comes with a payload that is not all in the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Extra {
    /// The call of a task; 0 for a result.
    pub(crate) call: u64,
    /// Length of the payload in the sender's area; `None` if it follows in the ring.
    pub(crate) area_len: Option<u64>,
    /// How many descriptors belong to the payload. They come in one message on the socket.
    pub(crate) descriptors: u32,
    /// Whether the area's descriptor comes in a message of its own before them.
    pub(crate) new_area: bool,
}

impl Extra {
    pub(crate) const BYTES: usize = 24;
    const IN_RING: u64 = u64::MAX;

    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.call.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.area_len.unwrap_or(Self::IN_RING).to_le_bytes());
        bytes[16..20].copy_from_slice(&self.descriptors.to_le_bytes());
        bytes[20] = self.new_area.into();
        bytes
    }

    /// The `Extra` at the start of a payload, and the rest.
    pub(crate) fn split(payload: &[u8]) -> Option<(Extra, &[u8])> {
        let (head, rest) = payload.split_first_chunk::<{ Self::BYTES }>()?;
        let word =
            |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes"));
        let extra = Extra {
            call: word(0),
            area_len: Some(word(8)).filter(|len| *len != Self::IN_RING),
            descriptors: u32::from_le_bytes(head[16..20].try_into().expect("four bytes")),
            new_area: head[20] != 0,
        };
        Some((extra, rest))
    }
}

/// When a task ran, on [`crate::clock`]: the head of each result of a worker that is traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
}

impl Span {
    pub(crate) const BYTES: usize = 16;

    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let both = u128::from(self.end_ns) << 64 | u128::from(self.start_ns);
        both.to_le_bytes()
    }

    pub(crate) fn from_bytes(bytes: [u8; Self::BYTES]) -> Span {
        let both = u128::from_le_bytes(bytes);
        Span { start_ns: both as u64, end_ns: (both >> 64) as u64 }
    }
}

/// A result's tag: which record it answers, and how the task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ResultTag {
    /// The position of the task's record, a multiple of 8.
    pub(crate) position: u64,
    /// `task::Outcome` as a number.
    pub(crate) outcome: u8,
    /// Whether the payload begins with an [`Extra`].
    pub(crate) extra: bool,
}

impl ResultTag {
    pub(crate) fn to_bits(self) -> u64 {
        (self.position << 3) | u64::from(self.extra) << 2 | u64::from(self.outcome & 3)
    }

    pub(crate) fn from_bits(bits: u64) -> ResultTag {
        ResultTag {
            position: (bits >> 6) << 3,
            outcome: (bits & 3) as u8,
            extra: bits & 4 != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_extras_survive_the_wire() {
        for tag in [TaskTag::Call(64), TaskTag::Call(u64::MAX), TaskTag::Extra, TaskTag::Leave]
        {
            assert_eq!(TaskTag::from_bits(tag.to_bits()), Some(tag));
        }
        assert_eq!(TaskTag::from_bits(0), None);
        for (position, outcome, extra) in [(0, 0, false), (8, 3, true), (1 << 50, 1, false)] {
            let tag = ResultTag { position, outcome, extra };
            assert_eq!(ResultTag::from_bits(tag.to_bits()), tag);
        }
        let span = Span { start_ns: 1 << 40, end_ns: u64::MAX - 1 };
        assert_eq!(Span::from_bytes(span.to_bytes()), span);
        for area_len in [None, Some(0), Some(1 << 40)] {
            let extra = Extra { call: 77, area_len, descriptors: 3, new_area: true };
            let mut bytes = extra.to_bytes().to_vec();
            bytes.extend_from_slice(b"rest");
            assert_eq!(Extra::split(&bytes), Some((extra, &b"rest"[..])));
        }
        assert_eq!(Extra::split(&[0; Extra::BYTES - 1]), None);
    }
}
