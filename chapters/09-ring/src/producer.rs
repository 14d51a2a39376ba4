//! The end that writes.

use crate::error::{RingError, WriteError};
use crate::layout;
use crate::memory::Mapped;
use crate::place::{self, Position};
use crate::protocol::Writing;
use shared::Segment;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

/// The one producer of a ring in a segment.
///
/// That it is the only one is the caller's business: of two, each would write over the other's records. That is a wrong
/// result and not undefined behaviour, since all access is atomic.
#[derive(Debug)]
pub struct Producer {
    writing: Writing<Mapped>,
    /// Keeps the memory mapped.
    _segment: Arc<Segment>,
}

// SAFETY: the ring is memory that any thread may use, by atomic operations, for as long as the segment lives; and the
// segment is owned here.
unsafe impl Send for Producer {}

impl Producer {
    /// The producer of the ring at `offset_bytes`, a multiple of 128, in a segment that was zero there when it was made.
    ///
    /// `capacity_bytes` is the same as the consumer's: a power of two from 4,096 to 2³⁰.
    /// [`bytes_for`](crate::bytes_for) says how much of the segment that takes. A producer of a ring that has been used
    /// goes on behind the last record that was published.
    ///
    /// # Errors
    /// [`RingError::Place`] if no ring can be there, [`RingError::Corrupt`] if what is there
    /// cannot be one.
    pub fn new(
        segment: Arc<Segment>,
        offset_bytes: usize,
        capacity_bytes: usize,
    ) -> Result<Producer, RingError> {
        let ring = place::find(&segment, offset_bytes, capacity_bytes)?;
        Ok(Producer { writing: Writing::new(ring, capacity_bytes)?, _segment: segment })
    }

    /// The longest payload that a ring takes, in bytes: a quarter of its capacity.
    pub const fn payload_max(capacity_bytes: usize) -> usize {
        layout::payload_max(capacity_bytes)
    }

    /// Writes a record behind the last one. The consumer does not see it before [`Producer::publish`].
    ///
    /// # Errors
    /// [`WriteError::Full`] if there is no room now, though the consumer's index was looked at again;
    /// [`WriteError::TooLarge`] above [`Producer::payload_max`]; [`WriteError::Corrupt`] if the consumer's index is wild,
    /// and then always. Nothing was written then.
    #[inline]
    pub fn write(&mut self, tag: u64, payload: &[u8]) -> Result<Position, WriteError> {
        self.writing.write(tag, payload, &[]).map(Position::from_bits)
    }

    /// Writes `first` and `second` as one record, without putting them together before.
    ///
    /// # Errors
    /// As [`Producer::write`], for the sum of the lengths.
    #[inline]
    pub fn write_parts(
        &mut self,
        tag: u64,
        first: &[u8],
        second: &[u8],
    ) -> Result<Position, WriteError> {
        self.writing.write(tag, first, second).map(Position::from_bits)
    }

    /// Lets the consumer see everything that was written. If it may be asleep, ring its doorbell afterwards.
    #[inline]
    pub fn publish(&mut self) {
        self.writing.publish();
    }

    /// Looks at the consumer's index: how many bytes of the ring are free. None are in a corrupt ring.
    ///
    /// A record takes 16 bytes more than its payload, rounded up to a multiple of 8. At the end of the ring it may take up
    /// to as much again, since it does not wrap.
    #[inline]
    pub fn free_bytes(&mut self) -> usize {
        self.writing.free_bytes() as usize
    }

    /// Looks at the consumer's index: how many bytes were written and not yet given back. In a corrupt ring, what was last
    /// known of that.
    #[inline]
    pub fn unread_bytes(&mut self) -> usize {
        self.writing.unread_bytes() as usize
    }

    /// The mark of a record that the consumer has not given back yet: 0 when written, and both sides may change it.
    ///
    /// The consumer may give back the record at any moment after this has looked. The mark then is bytes without a
    /// meaning, until this producer writes something else there.
    ///
    /// # Errors
    /// [`RingError::NotInRing`] if the position is not in the ring any more, or never was; [`RingError::Corrupt`] if the
    /// consumer's index is wild.
    pub fn mark(&self, position: Position) -> Result<&AtomicU32, RingError> {
        self.writing.find(position.to_bits())?;
        Ok(self.writing.memory().mark(position.to_bits()))
    }

    /// Appends the payload of a record that is still in the ring to `payload`, and returns its tag: to send it elsewhere.
    ///
    /// The bytes are what stands in the ring now. A consumer that writes into the ring can have changed them.
    ///
    /// # Errors
    /// As [`Producer::mark`], and [`RingError::Corrupt`] if there is no record of a possible length.
    pub fn read_back(
        &self,
        position: Position,
        payload: &mut Vec<u8>,
    ) -> Result<u64, RingError> {
        self.writing.read_back(position.to_bits(), payload)
    }
}
