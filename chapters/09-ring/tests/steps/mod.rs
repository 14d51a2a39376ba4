//! Steps that a producer, a consumer and somebody hostile take on one ring, and what must hold after each.
//!
//! As long as nobody has tampered with the ring it behaves as a queue: that is the model. Afterwards nothing is known
//! of what comes out, but every call ends, nothing panics, every payload is inside the ring, nothing beside the ring
//! is touched, and an error stays.

use byte_ring::layout::CAPACITY_MIN;
use byte_ring::{Consumer, Position, Producer, RingError, WriteError, bytes_for};
use shared::Segment;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The ring that is tested. A small one is full, empty and at its end all the time.
const CAPACITY: usize = CAPACITY_MIN;

/// Bytes before the ring that nobody may change. The ring ends with the segment, which ends with a page.
const BEFORE: usize = 8192 - bytes_for(CAPACITY);

/// What the bytes before the ring are.
const UNTOUCHED: u64 = 0x5555_aaaa_5555_aaaa;

/// One step. Lengths and offsets are taken modulo what there is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// The producer writes a record of two parts.
    Write {
        first: u16,
        second: u16,
    },
    Publish,
    /// The consumer takes a record and copies it.
    Next,
    Release,
    /// Both sides look at how full the ring is.
    Look,
    /// The producer looks at the record so many bytes behind the first one, and sets its mark.
    Mark {
        behind: u16,
    },
    /// Somebody writes a word into the ring: 0 is the tail, 1 the head, the rest is data.
    Tamper {
        word: u16,
        value: u64,
    },
    /// Somebody moves an index by so many bytes.
    Move {
        is_head: bool,
        by: i16,
    },
}

impl Step {
    /// The step that these bytes are, and the bytes behind it. Every sequence of bytes is one of steps.
    fn parse(bytes: &[u8]) -> Option<(Step, &[u8])> {
        let (kind, rest) = bytes.split_first()?;
        let short = |at: usize| {
            u16::from_le_bytes([0, 1].map(|it| rest.get(at + it).copied().unwrap_or(0)))
        };
        let long = || {
            u64::from_le_bytes(std::array::from_fn(|at| rest.get(2 + at).copied().unwrap_or(0)))
        };
        let (step, len) = match kind % 16 {
            0..4 => (Step::Write { first: short(0), second: 0 }, 2),
            4 => (Step::Write { first: short(0), second: short(2) }, 4),
            5 | 6 => (Step::Publish, 0),
            7..10 => (Step::Next, 0),
            10 => (Step::Release, 0),
            11 => (Step::Look, 0),
            12 => (Step::Mark { behind: short(0) }, 2),
            13 => (Step::Move { is_head: kind & 16 != 0, by: short(0).cast_signed() }, 2),
            // A small value is a likely length.
            14 => (Step::Tamper { word: short(0), value: long() & 0xffff }, 4),
            _ => (Step::Tamper { word: short(0), value: long() }, 10),
        };
        Some((step, rest.get(len..).unwrap_or(&[])))
    }
}

/// A segment that is used for one sequence after the other.
pub(crate) struct Bench {
    segment: Arc<Segment>,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        let segment = Segment::create("steps", BEFORE + bytes_for(CAPACITY)).expect("memory");
        Bench { segment: Arc::new(segment) }
    }

    fn word(&self, offset: usize) -> &AtomicU64 {
        self.segment.at(offset).expect("inside, and a multiple of 8")
    }

    /// Takes the steps on a ring whose indices begin at `start`.
    ///
    /// # Panics
    /// If something does not hold that must hold after every step.
    pub(crate) fn run(&self, start: u64, steps: impl Iterator<Item = Step>) {
        let start = start & !7;
        (0..BEFORE).step_by(8).for_each(|at| self.word(at).store(UNTOUCHED, Relaxed));
        let end = BEFORE + bytes_for(CAPACITY);
        (BEFORE..end).step_by(8).for_each(|at| self.word(at).store(0, Relaxed));
        self.word(BEFORE).store(start, Relaxed);
        self.word(BEFORE + 128).store(start, Relaxed);
        let producer = Producer::new(self.segment.clone(), BEFORE, CAPACITY).expect("a ring");
        let consumer = Consumer::new(self.segment.clone(), BEFORE, CAPACITY).expect("a ring");
        let model = Model { first: start, ..Model::default() };
        let mut run = Run { bench: self, producer, consumer, model, bytes: Vec::new() };
        steps.for_each(|step| run.step(step));
        let is_touched = |at: &usize| self.word(*at).load(Relaxed) != UNTOUCHED;
        assert_eq!(
            (0..BEFORE).step_by(8).find(is_touched),
            None,
            "written outside of the ring"
        );
    }

    /// Takes the steps that these bytes are. The first eight are where the indices begin.
    pub(crate) fn run_bytes(&self, bytes: &[u8]) {
        let (start, mut rest) = match bytes.split_first_chunk::<8>() {
            Some((start, rest)) => (u64::from_le_bytes(*start), rest),
            None => (0, bytes),
        };
        let steps = std::iter::from_fn(|| {
            let (step, behind) = Step::parse(rest)?;
            rest = behind;
            Some(step)
        });
        self.run(start, steps);
    }
}

/// What a ring is that nobody has tampered with.
#[derive(Default)]
struct Model {
    /// Positions, tags and payloads of what is written and not given back.
    records: VecDeque<(Position, u64, Vec<u8>)>,
    published: usize,
    taken: usize,
    tags: u64,
    /// The position of the first record in the ring.
    first: u64,
    is_tampered: bool,
    consumer_failed: bool,
    producer_failed: bool,
}

struct Run<'b> {
    bench: &'b Bench,
    producer: Producer,
    consumer: Consumer,
    model: Model,
    bytes: Vec<u8>,
}

impl Run<'_> {
    fn step(&mut self, step: Step) {
        match step {
            Step::Write { first, second } => {
                self.write(usize::from(first) % 1100, usize::from(second) % 1100);
            }
            Step::Publish => {
                self.producer.publish();
                self.model.published = self.model.records.len();
            }
            Step::Next => self.next(),
            Step::Release => {
                self.consumer.release();
                self.model.records.drain(..self.model.taken);
                self.model.published -= self.model.taken;
                self.model.taken = 0;
            }
            Step::Look => self.look(),
            Step::Mark { behind } => self.mark(u64::from(behind)),
            Step::Tamper { word, value } => {
                let word = usize::from(word) % (2 + CAPACITY / 8);
                let offset = match word {
                    0 | 1 => 128 * word,
                    data => 256 + 8 * (data - 2),
                };
                self.bench.word(BEFORE + offset).store(value, Relaxed);
                self.model.is_tampered = true;
            }
            Step::Move { is_head, by } => {
                let index = self.bench.word(BEFORE + 128 * usize::from(is_head));
                index.fetch_add(i64::from(by).cast_unsigned(), Relaxed);
                self.model.is_tampered = true;
            }
        }
    }

    fn write(&mut self, first: usize, second: usize) {
        let tag = self.model.tags;
        self.model.tags += 1;
        let byte = |at| (tag as usize + at) as u8;
        let payload: Vec<u8> = (0..first + second).map(byte).collect();
        let (one, two) = payload.split_at(first);
        let free = self.producer.free_bytes();
        let size = 16 + payload.len().next_multiple_of(8);
        match self.producer.write_parts(tag, one, two) {
            Ok(position) => {
                assert!(payload.len() <= Producer::payload_max(CAPACITY) && size <= free);
                assert!(!self.model.producer_failed);
                self.model.records.push_back((position, tag, payload));
            }
            Err(WriteError::TooLarge) => {
                assert!(payload.len() > Producer::payload_max(CAPACITY));
            }
            Err(WriteError::Full) => assert!(free < 2 * size - 8, "{free} were free"),
            Err(WriteError::Corrupt) => {
                assert!(self.model.is_tampered);
                self.model.producer_failed = true;
            }
        }
    }

    fn next(&mut self) {
        let range = self.bench.segment.as_ptr().addr().get();
        let range = range + BEFORE + 256..range + BEFORE + 256 + CAPACITY;
        let is_empty = self.consumer.is_empty();
        let next = self.consumer.next();
        self.bytes.clear();
        let record = match next {
            Ok(Some(record)) => {
                record.copy_to(&mut self.bytes);
                // SAFETY: nobody else uses this ring, and nothing is written as long as the slice is there.
                let payload = unsafe { record.payload() };
                assert_eq!(payload, self.bytes);
                let place = payload.as_ptr_range();
                assert!(range.start <= place.start.addr() && place.end.addr() <= range.end);
                assert_eq!(payload.len(), record.len_bytes());
                assert!(payload.len() <= Producer::payload_max(CAPACITY));
                record.mark().fetch_or(1 << 31, Relaxed);
                Some((record.position(), record.tag()))
            }
            Ok(None) => None,
            Err(error) => {
                assert!(self.model.is_tampered && matches!(error, RingError::Corrupt { .. }));
                assert!(!is_empty);
                self.model.consumer_failed = true;
                return;
            }
        };
        assert!(!self.model.consumer_failed, "an error that did not stay");
        assert_eq!(is_empty, record.is_none());
        if self.model.is_tampered {
            // What a ring that is tampered with has in it, the model does not know.
            self.model.taken = (self.model.taken + 1).min(self.model.published);
            return;
        }
        let expected = self.model.records.range(..self.model.published).nth(self.model.taken);
        assert_eq!(record, expected.map(|(position, tag, _)| (*position, *tag)));
        if let Some((_, _, payload)) = expected {
            assert_eq!(*payload, self.bytes);
            self.model.taken += 1;
        }
    }

    fn look(&mut self) {
        let (free, unread) = (self.producer.free_bytes(), self.producer.unread_bytes());
        assert!(free <= CAPACITY && unread <= CAPACITY);
        if !self.model.is_tampered {
            assert_eq!(free + unread, CAPACITY);
            let size = |payload: &Vec<u8>| 16 + payload.len().next_multiple_of(8);
            let records: usize = self.model.records.iter().map(|it| size(&it.2)).sum();
            assert!(records <= unread, "{records} bytes of records in {unread} unread ones");
        }
    }

    fn mark(&mut self, behind: u64) {
        let position = match self.model.records.get(behind as usize % 64) {
            Some((position, _, _)) => *position,
            None => Position::from_bits(self.model.first.wrapping_add(behind)),
        };
        let known = self.model.records.iter().find(|record| record.0 == position);
        self.bytes.clear();
        let read = self.producer.read_back(position, &mut self.bytes);
        let mark = self.producer.mark(position);
        if self.model.is_tampered {
            assert!(self.bytes.len() <= Producer::payload_max(CAPACITY));
            return;
        }
        match known {
            Some((_, tag, payload)) => {
                assert_eq!((read.expect("it is in the ring"), &self.bytes), (*tag, payload));
                let mark = mark.expect("it is in the ring").load(Relaxed);
                let is_taken = self.model.records.iter().take(self.model.taken);
                let is_taken = is_taken.into_iter().any(|record| record.0 == position);
                assert_eq!(mark, if is_taken { 1 << 31 } else { 0 });
            }
            // In the ring, but inside of a record: bytes that nobody promises anything about.
            None => assert!(self.bytes.len() <= Producer::payload_max(CAPACITY)),
        }
    }
}
