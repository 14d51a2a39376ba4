//! One fault at a time in a ring, and the error that it must give. `tests/model.rs` has the faults that nobody thought of.

use byte_ring::layout::FILLER;
use byte_ring::{Consumer, Position, Producer, RingError, WriteError, bytes_for};
use shared::Segment;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const CAPACITY: usize = 4096;

struct Ring {
    segment: Arc<Segment>,
    producer: Producer,
    consumer: Consumer,
}

impl Ring {
    /// A ring whose two indices stand at `start`.
    fn at(start: u64) -> Ring {
        let segment = Arc::new(Segment::create("ring", bytes_for(CAPACITY)).expect("memory"));
        [0, 128].iter().for_each(|offset| set(&segment, *offset, start));
        let producer = Producer::new(segment.clone(), 0, CAPACITY).expect("a ring");
        let consumer = Consumer::new(segment.clone(), 0, CAPACITY).expect("a ring");
        Ring { segment, producer, consumer }
    }

    fn set_tail(&self, tail: u64) {
        set(&self.segment, 0, tail);
    }

    fn set_head(&self, head: u64) {
        set(&self.segment, 128, head);
    }

    fn set_len(&self, position: u64, len: u32) {
        set(&self.segment, 256 + position as usize % CAPACITY, len.into());
    }

    /// The length of the next record, or what is wrong. That stays, even if the fault is mended.
    fn next(&mut self) -> Result<Option<usize>, &'static str> {
        let what = |error| match error {
            RingError::Corrupt { what } => what,
            other => panic!("{other:?}"),
        };
        let next = self.consumer.next().map(|record| record.map(|it| it.len_bytes()));
        let next = next.map_err(what);
        if next.is_err() {
            self.set_tail(0);
            assert!(!self.consumer.is_empty());
            let again = self.consumer.next().map(|record| record.map(|it| it.len_bytes()));
            assert_eq!(again.map_err(what), next);
        }
        next
    }
}

fn set(segment: &Segment, offset: usize, word: u64) {
    segment.at::<AtomicU64>(offset).expect("inside").store(word, Relaxed);
}

const WILD_TAIL: Result<Option<usize>, &str> =
    Err("the producer's index is not between what it was and the end of the free room");
const WRONG_LENGTH: Result<Option<usize>, &str> =
    Err("a record's length does not fit into what was published");

#[test]
fn a_tail_outside_of_the_free_room() {
    for (start, tail) in [(0, 4104), (0, u64::MAX - 7), (4096, 4088), (0, 20), (64, 4168)] {
        let mut ring = Ring::at(start);
        ring.set_tail(tail);
        assert_eq!(ring.next(), WILD_TAIL, "{start} {tail}");
    }
    let mut ring = Ring::at(0);
    ring.set_tail(4096);
    assert_eq!(ring.next(), Ok(Some(0)), "a full ring, of zeros");
}

#[test]
fn a_tail_that_covers_room_which_was_not_given_back() {
    let mut ring = Ring::at(0);
    ring.set_tail(16);
    assert_eq!(ring.next(), Ok(Some(0)));
    ring.set_tail(4104);
    assert_eq!(ring.next(), WILD_TAIL);
}

#[test]
fn a_length_that_is_not_published_or_longer_than_any() {
    for (len, tail) in [(1, 16), (9, 24), (17, 32), (1025, 4096), (FILLER - 1, 4096)] {
        let mut ring = Ring::at(0);
        ring.set_len(0, len);
        ring.set_tail(tail);
        assert_eq!(ring.next(), WRONG_LENGTH, "{len} {tail}");
    }
    let mut ring = Ring::at(0);
    ring.set_len(0, 1024);
    ring.set_tail(1040);
    assert_eq!(ring.next(), Ok(Some(1024)), "the longest");
}

#[test]
fn a_record_over_the_end_of_the_ring() {
    for (len, is_right) in [(16, true), (17, false), (40, false)] {
        let mut ring = Ring::at(4064);
        ring.set_len(4064, len);
        ring.set_tail(4064 + 128);
        let expected = if is_right { Ok(Some(16)) } else { WRONG_LENGTH };
        assert_eq!(ring.next(), expected, "{len}");
    }
}

#[test]
fn a_filler_is_followed_by_a_record() {
    for (behind, tail, expected) in [
        (8, 4096 + 24, Ok(Some(8))),
        (0, 4096, WRONG_LENGTH),
        (8, 4080, WRONG_LENGTH),
        (8, 4096 + 16, WRONG_LENGTH),
        (1025, 8000, WRONG_LENGTH),
        (FILLER, 8000, WRONG_LENGTH),
    ] {
        let mut ring = Ring::at(4064);
        ring.set_len(4064, FILLER);
        ring.set_len(0, behind);
        ring.set_tail(tail);
        assert_eq!(ring.next(), expected, "{behind} {tail}");
    }
}

#[test]
fn a_filler_is_shorter_than_the_longest_record() {
    for (start, expected) in [(4096 - 1032, Ok(Some(0))), (4096 - 1040, WRONG_LENGTH)] {
        let mut ring = Ring::at(start);
        ring.set_len(start, FILLER);
        ring.set_tail(4096 + 16);
        assert_eq!(ring.next(), expected, "{start}");
    }
}

#[test]
fn a_record_that_ends_with_the_ring_needs_no_filler() {
    let mut ring = Ring::at(4064);
    assert_eq!(ring.producer.write(1, &[1; 16]).map(Position::to_bits), Ok(4064));
    assert_eq!(ring.producer.write(2, &[2; 16]).map(Position::to_bits), Ok(4096));
    assert_eq!(ring.producer.write(3, &[3; 1024]).map(Position::to_bits), Ok(4128));
    ring.producer.publish();
    assert_eq!(
        [ring.next(), ring.next(), ring.next()],
        [16, 16, 1024].map(|len| Ok(Some(len)))
    );
    assert_eq!(ring.next(), Ok(None));
}

#[test]
fn a_head_that_was_never_published() {
    for head in [16, 4104, u64::MAX - 7, 4] {
        let mut ring = Ring::at(0);
        let position = ring.producer.write(1, &[]).expect("room");
        // Written, and not published: the consumer cannot have read it.
        ring.set_head(head);
        assert!(
            matches!(ring.producer.mark(position), Err(RingError::Corrupt { .. })),
            "{head}"
        );
        assert_eq!((ring.producer.free_bytes(), ring.producer.unread_bytes()), (0, 16));
        ring.set_head(0);
        assert_eq!(ring.producer.write(2, &[]), Err(WriteError::Corrupt), "{head}");
        assert_eq!(ring.producer.free_bytes(), 0, "{head}");
    }
}

#[test]
fn a_full_ring_takes_more_when_room_is_given_back_and_not_before() {
    let mut ring = Ring::at(0);
    while ring.producer.write(1, &[0; 48]).is_ok() {}
    assert_eq!((ring.producer.free_bytes(), ring.producer.unread_bytes()), (0, 4096));
    ring.producer.publish();
    assert_eq!(ring.next(), Ok(Some(48)));
    assert_eq!(ring.producer.write(1, &[]), Err(WriteError::Full));
    ring.consumer.release();
    assert!(ring.producer.write(1, &[0; 49]) == Err(WriteError::Full));
    assert!(ring.producer.write(1, &[0; 48]).is_ok());
    assert_eq!(ring.producer.write(1, &[0; 1025]), Err(WriteError::TooLarge));
}

#[test]
fn a_mark_and_a_record_to_read_back() {
    let mut ring = Ring::at(0);
    let first = ring.producer.write_parts(7, b"first ", b"record").expect("room");
    let second = ring.producer.write(8, b"second").expect("room");
    ring.producer.publish();
    assert_eq!(ring.producer.mark(second).expect("in the ring").swap(5, Relaxed), 0);
    assert_eq!(ring.consumer.next().expect("whole").expect("first").mark().load(Relaxed), 0);
    assert_eq!(ring.consumer.next().expect("whole").expect("second").mark().load(Relaxed), 5);
    let mut payload = b"a ".to_vec();
    assert_eq!(ring.producer.read_back(first, &mut payload).expect("in the ring"), 7);
    assert_eq!(payload, b"a first record");

    ring.set_len(first.to_bits(), 100);
    let read = ring.producer.read_back(first, &mut payload);
    assert!(matches!(read, Err(RingError::Corrupt { .. })), "{read:?}");
    ring.consumer.release();
    for bits in [first.to_bits(), second.to_bits(), 4, 48, 4096, u64::MAX, u64::MAX - 7] {
        let mark = ring.producer.mark(Position::from_bits(bits));
        assert!(matches!(mark, Err(RingError::NotInRing)), "{bits}: {mark:?}");
    }
}

#[test]
fn a_place_where_no_ring_can_be() {
    let segment = Arc::new(Segment::create("place", 8192).expect("memory"));
    let at = |offset, capacity| Producer::new(segment.clone(), offset, capacity).map(drop);
    for (offset, capacity) in [(0, 0), (0, 2048), (0, 5000), (0, 1 << 31), (64, 4096)] {
        let error = at(offset, capacity).expect_err("no ring");
        assert!(matches!(error, RingError::Place { .. }), "{error}");
    }
    for (offset, capacity) in [(0, 8192), (3968, 4096), (usize::MAX - 127, 4096)] {
        let error = at(offset, capacity).expect_err("no ring");
        assert_eq!(
            error.to_string(),
            "no ring can be made here: it goes over the end of the segment"
        );
    }
    at(3840, 4096).expect("as far as the end");
    for (tail, head) in [(4104, 0), (0, 8), (4, 0), (4, 4)] {
        set(&segment, 0, tail);
        set(&segment, 128, head);
        let error = at(0, 4096).expect_err("no ring");
        assert!(matches!(error, RingError::Corrupt { .. }), "{error}");
        let consumer = Consumer::new(segment.clone(), 0, 4096);
        assert!(matches!(consumer, Err(RingError::Corrupt { .. })));
    }
}

#[test]
fn each_error_says_what_to_do() {
    let what = "a reason";
    assert_eq!(
        RingError::Corrupt { what }.to_string(),
        "the ring is corrupt: a reason; end the other side and make a new ring"
    );
    for (error, way_out) in [
        (RingError::NotInRing.to_string(), "has given it back"),
        (WriteError::Full.to_string(), "publish what was written"),
        (WriteError::TooLarge.to_string(), "make the ring larger"),
        (WriteError::Corrupt.to_string(), "make a new ring"),
    ] {
        assert!(error.contains(way_out), "{error}");
    }
}
