//! The protocol of a ring: who writes which word when, over any [`Memory`].
//!
//! [`Writing`] is the producer's half and [`Reading`] the consumer's. Each keeps its own index and a copy of the other
//! side's. It looks at the other's again only when the copy is used up, since that look may cost a trip between two
//! processors' caches.
//!
//! Invariants, with all differences taken modulo 2⁶⁴:
//! - head ≤ tail ≤ head + capacity. The producer alone writes the tail, the consumer alone the head, and neither reads
//!   back its own.
//! - From head to tail there are whole records and fillers, each at a multiple of 8, and none goes over the end of the
//!   ring. Every filler has a record behind it.
//! - The words from head to tail are the consumer's, all others the producer's. The Release with which an index is
//!   published and the Acquire with which it is looked at hand over the words in between.
//!
//! What the other side has written is checked before it is used. Once something was wrong, the half reports an error
//! for ever: after a wrong length nobody knows where the next record begins.
//!
//! # References
//! Leslie Lamport, "Proving the Correctness of Multiprocess Programs", 1977: the queue of one producer and one consumer.

use crate::copy;
use crate::error::{RingError, WriteError};
use crate::layout::{ALIGNMENT, FILLER, HEADER_BYTES, payload_max, record_size};
use crate::memory::Memory;

/// The producer's half of the protocol.
#[derive(Debug)]
pub struct Writing<M> {
    memory: M,
    capacity: u64,
    len_max: usize,
    /// Where the next record goes, and what is free without a look from there on: up to the end of the ring at most.
    written: u64,
    until: u64,
    published: u64,
    /// The consumer's index as last seen.
    released: u64,
    is_corrupt: bool,
}

impl<M: Memory> Writing<M> {
    /// Goes on where the tail stands.
    ///
    /// # Errors
    /// [`RingError::Corrupt`] if the two indices do not fit each other.
    ///
    /// # Panics
    /// If `capacity_bytes` is no power of two or below 64.
    pub fn new(memory: M, capacity_bytes: usize) -> Result<Writing<M>, RingError> {
        assert!(capacity_bytes.is_power_of_two() && capacity_bytes >= 4 * HEADER_BYTES);
        let (head, tail) = (memory.load_head(), memory.load_tail());
        let capacity = capacity_bytes as u64;
        check_start(head, tail, capacity)?;
        Ok(Writing {
            memory,
            capacity,
            len_max: payload_max(capacity_bytes),
            written: tail,
            until: tail,
            published: tail,
            released: head,
            is_corrupt: false,
        })
    }

    /// The memory that this writes into.
    #[inline]
    pub fn memory(&self) -> &M {
        &self.memory
    }

    // ANCHOR: write
    /// Writes `first` and `second` as one record, and returns its position. The consumer does not see it yet.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was written then.
    #[inline]
    pub fn write(&mut self, tag: u64, first: &[u8], second: &[u8]) -> Result<u64, WriteError> {
        let len = first.len() + second.len();
        if len > self.len_max {
            return Err(WriteError::TooLarge);
        }
        let size = record_size(len as u64);
        if size > self.until.wrapping_sub(self.written) {
            self.make_room(size)?;
        }
        let position = self.written;
        self.memory.store_len(position, len as u32);
        self.memory.store(position.wrapping_add(8), tag);
        let payload = position.wrapping_add(HEADER_BYTES as u64);
        copy::write_parts(&self.memory, payload, first, second);
        self.written = position.wrapping_add(size);
        Ok(position)
    }

    /// Lets the consumer see everything that was written.
    #[inline]
    pub fn publish(&mut self) {
        if self.published != self.written {
            self.published = self.written;
            self.memory.store_tail(self.written);
        }
    }
    // ANCHOR_END: write

    // ANCHOR: room
    /// Moves `until` so far that a record of `size` bytes fits in front of it, behind a filler if need be.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, size: u64) -> Result<(), WriteError> {
        if self.is_corrupt {
            return Err(WriteError::Corrupt);
        }
        let end = to_end(self.written, self.capacity);
        let skipped = if size <= end { 0 } else { end };
        if skipped + size > self.free() {
            self.look()?;
        }
        let free = self.free();
        if skipped + size > free {
            return Err(WriteError::Full);
        }
        if skipped > 0 {
            self.memory.store_len(self.written, FILLER);
            self.written = self.written.wrapping_add(skipped);
        }
        let room = (free - skipped).min(to_end(self.written, self.capacity));
        self.until = self.written.wrapping_add(room);
        Ok(())
    }

    /// Looks at the consumer's index. It may have moved on, as far as what was published.
    fn look(&mut self) -> Result<(), WriteError> {
        let head = self.memory.load_head();
        if self.is_corrupt || !self.could_be_head(head) {
            self.is_corrupt = true;
            self.until = self.written;
            return Err(WriteError::Corrupt);
        }
        self.released = head;
        Ok(())
    }
    // ANCHOR_END: room

    fn could_be_head(&self, head: u64) -> bool {
        let unread = self.published.wrapping_sub(self.released);
        head.wrapping_sub(self.released) <= unread && head.is_multiple_of(ALIGNMENT)
    }

    fn free(&self) -> u64 {
        self.capacity - self.written.wrapping_sub(self.released)
    }

    /// Looks at the consumer's index, and says how many bytes are free; none in a corrupt ring.
    pub fn free_bytes(&mut self) -> u64 {
        let seen = self.look();
        if seen.is_ok() { self.free() } else { 0 }
    }

    /// Looks at the consumer's index, and says how many bytes it has not given back, as far as that is known.
    pub fn unread_bytes(&mut self) -> u64 {
        let _ = self.look();
        self.written.wrapping_sub(self.released)
    }

    /// Looks at the consumer's index, and says whether a whole record can be at `position`.
    ///
    /// # Errors
    /// [`RingError::NotInRing`], and [`RingError::Corrupt`] if the consumer's index is wild.
    pub fn find(&self, position: u64) -> Result<(), RingError> {
        let head = self.memory.load_head();
        if self.is_corrupt || !self.could_be_head(head) {
            return Err(RingError::Corrupt { what: WILD_HEAD });
        }
        let (from_head, unread) =
            (position.wrapping_sub(head), self.written.wrapping_sub(head));
        let header = HEADER_BYTES as u64;
        let fits = position.is_multiple_of(ALIGNMENT)
            && from_head.checked_add(header).is_some_and(|end| end <= unread)
            && to_end(position, self.capacity) >= header;
        if fits { Ok(()) } else { Err(RingError::NotInRing) }
    }

    /// Appends the payload of the record at `position` to `payload`, and returns its tag.
    ///
    /// # Errors
    /// As [`Writing::find`], and [`RingError::Corrupt`] if the length in the ring makes no sense any more.
    pub fn read_back(&self, position: u64, payload: &mut Vec<u8>) -> Result<u64, RingError> {
        self.find(position)?;
        let len = self.memory.load_len(position);
        let end = self.written.wrapping_sub(position).min(to_end(position, self.capacity));
        if len as usize > self.len_max || record_size(len.into()) > end {
            return Err(RingError::Corrupt { what: WRONG_LENGTH });
        }
        let place = position.wrapping_add(HEADER_BYTES as u64);
        copy::append(&self.memory, place, len as usize, payload);
        Ok(self.memory.load(position.wrapping_add(8)))
    }
}

/// A record that [`Reading::next`] has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Where its header is.
    pub position: u64,
    /// The length of its payload in bytes. All of it is in the ring, in one piece.
    pub len_bytes: u32,
}

/// The consumer's half of the protocol.
#[derive(Debug)]
pub struct Reading<M> {
    memory: M,
    capacity: u64,
    len_max: u32,
    /// Where the next record is, and how far the records go without a look: to the end of the ring at most.
    next: u64,
    until: u64,
    /// The producer's index as last seen.
    seen: u64,
    released: u64,
    corrupt: Option<&'static str>,
}

impl<M: Memory> Reading<M> {
    /// Goes on where the head stands.
    ///
    /// # Errors
    /// [`RingError::Corrupt`] if the two indices do not fit each other.
    ///
    /// # Panics
    /// If `capacity_bytes` is no power of two or below 64.
    pub fn new(memory: M, capacity_bytes: usize) -> Result<Reading<M>, RingError> {
        assert!(capacity_bytes.is_power_of_two() && capacity_bytes >= 4 * HEADER_BYTES);
        let (head, tail) = (memory.load_head(), memory.load_tail());
        let capacity = capacity_bytes as u64;
        check_start(head, tail, capacity)?;
        Ok(Reading {
            memory,
            capacity,
            len_max: payload_max(capacity_bytes) as u32,
            next: head,
            until: head,
            seen: head,
            released: head,
            corrupt: None,
        })
    }

    /// The memory that this reads from.
    #[inline]
    pub fn memory(&self) -> &M {
        &self.memory
    }

    // ANCHOR: next
    /// The next record, or `None` if nothing more has been published.
    ///
    /// # Errors
    /// [`RingError::Corrupt`], and from then on always the same.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "an iterator would have no way to fail")]
    pub fn next(&mut self) -> Result<Option<Found>, RingError> {
        if self.next == self.until && !self.look_further()? {
            return Ok(None);
        }
        let position = self.next;
        let len_bytes = self.memory.load_len(position);
        let size = record_size(len_bytes.into());
        if len_bytes > self.len_max || size > self.until.wrapping_sub(position) {
            return self.skip(len_bytes).map(Some);
        }
        self.next = position.wrapping_add(size);
        Ok(Some(Found { position, len_bytes }))
    }

    /// Gives back the room of every record that `next` has returned.
    #[inline]
    pub fn release(&mut self) {
        if self.released != self.next {
            self.released = self.next;
            self.memory.store_head(self.next);
        }
    }
    // ANCHOR_END: next

    /// Whether nothing has been published that `next` has not returned. A corrupt ring is not empty: `next` has
    /// something to say.
    #[inline]
    pub fn is_empty(&mut self) -> bool {
        self.next == self.until && matches!(self.look_further(), Ok(false))
    }

    // ANCHOR: look
    /// Moves `until` to the end of what can be read in one piece, and `next` over a filler.
    #[cold]
    #[inline(never)]
    fn look_further(&mut self) -> Result<bool, RingError> {
        if let Some(what) = self.corrupt {
            return Err(RingError::Corrupt { what });
        }
        if self.next == self.seen {
            let tail = self.memory.load_tail();
            let room = self.capacity - self.next.wrapping_sub(self.released);
            if tail.wrapping_sub(self.next) > room || !tail.is_multiple_of(ALIGNMENT) {
                return Err(self.give_up(WILD_TAIL));
            }
            self.seen = tail;
            if tail == self.next {
                return Ok(false);
            }
        }
        self.until = self.next.wrapping_add(self.piece());
        Ok(true)
    }
    // ANCHOR_END: look

    /// The record behind a filler, if `len` is one. Of two fillers in a row the second is an error, so this ends.
    #[cold]
    #[inline(never)]
    fn skip(&mut self, len: u32) -> Result<Found, RingError> {
        let to_end = to_end(self.next, self.capacity);
        let is_filler = len == FILLER && to_end < record_size(self.len_max.into());
        if !is_filler || self.seen.wrapping_sub(self.next) <= to_end {
            return Err(self.give_up(WRONG_LENGTH));
        }
        let position = self.next.wrapping_add(to_end);
        self.next = position;
        self.until = position.wrapping_add(self.piece());
        let len_bytes = self.memory.load_len(position);
        let size = record_size(len_bytes.into());
        if len_bytes > self.len_max || size > self.until.wrapping_sub(position) {
            return Err(self.give_up(WRONG_LENGTH));
        }
        self.next = position.wrapping_add(size);
        Ok(Found { position, len_bytes })
    }

    fn piece(&self) -> u64 {
        self.seen.wrapping_sub(self.next).min(to_end(self.next, self.capacity))
    }

    #[cold]
    fn give_up(&mut self, what: &'static str) -> RingError {
        self.corrupt = Some(what);
        self.until = self.next;
        RingError::Corrupt { what }
    }
}

const WILD_HEAD: &str = "the consumer's index is not between what it was and the producer's";
const WILD_TAIL: &str =
    "the producer's index is not between what it was and the end of the free room";
const WRONG_LENGTH: &str = "a record's length does not fit into what was published";

/// Bytes from a position to the end of the ring.
#[inline]
fn to_end(position: u64, capacity: u64) -> u64 {
    capacity - (position & (capacity - 1))
}

fn check_start(head: u64, tail: u64, capacity: u64) -> Result<(), RingError> {
    if !head.is_multiple_of(ALIGNMENT) || !tail.is_multiple_of(ALIGNMENT) {
        return Err(RingError::Corrupt { what: "an index is not a multiple of 8" });
    }
    if tail.wrapping_sub(head) > capacity {
        return Err(RingError::Corrupt { what: WILD_HEAD });
    }
    Ok(())
}
