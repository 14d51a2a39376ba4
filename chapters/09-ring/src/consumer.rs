//! The end that reads.

use crate::copy;
use crate::error::RingError;
use crate::layout::HEADER_BYTES;
use crate::memory::{Mapped, Memory};
use crate::place::{self, Position};
use crate::protocol::{Found, Reading};
use shared::Segment;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::{fmt, slice};

/// The one consumer of a ring in a segment.
///
/// That it is the only one is the caller's business, as it is for the [`Producer`](crate::Producer).
#[derive(Debug)]
pub struct Consumer {
    reading: Reading<Mapped>,
    /// Keeps the memory mapped.
    _segment: Arc<Segment>,
}

// SAFETY: the ring is memory that any thread may use, by atomic operations, for as long as the segment lives; and the
// segment is owned here.
unsafe impl Send for Consumer {}

impl Consumer {
    /// The consumer of the ring at `offset_bytes`: the same figures as the producer's.
    ///
    /// A consumer of a ring that has been used goes on behind the last record that was given back.
    ///
    /// # Errors
    /// As [`Producer::new`](crate::Producer::new).
    pub fn new(
        segment: Arc<Segment>,
        offset_bytes: usize,
        capacity_bytes: usize,
    ) -> Result<Consumer, RingError> {
        let ring = place::find(&segment, offset_bytes, capacity_bytes)?;
        Ok(Consumer { reading: Reading::new(ring, capacity_bytes)?, _segment: segment })
    }

    /// The next record, or `None` if the producer has published nothing more. Its room is given back by
    /// [`Consumer::release`] only.
    ///
    /// # Errors
    /// [`RingError::Corrupt`] if a length or the producer's index is wild. After that always the same error.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "a record borrows from the consumer")]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, RingError> {
        match self.reading.next() {
            Ok(Some(Found { position, len_bytes })) => {
                let memory = *self.reading.memory();
                Ok(Some(Record { memory, position, len_bytes, consumer: PhantomData }))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives back the room of every record that `next` has returned so far.
    #[inline]
    pub fn release(&mut self) {
        self.reading.release();
    }

    /// Whether nothing has been published that `next` has not returned. A corrupt ring is not empty: `next` has an error
    /// to return.
    #[inline]
    pub fn is_empty(&mut self) -> bool {
        self.reading.is_empty()
    }
}

/// A record in the ring, valid until the consumer is used again.
pub struct Record<'r> {
    memory: Mapped,
    position: u64,
    len_bytes: u32,
    consumer: PhantomData<&'r mut Consumer>,
}

impl<'r> Record<'r> {
    /// The number that the producer has given it.
    #[inline]
    pub fn tag(&self) -> u64 {
        self.memory.load(self.position.wrapping_add(8))
    }

    /// Its position, the same as the producer's.
    #[inline]
    pub fn position(&self) -> Position {
        Position::from_bits(self.position)
    }

    /// The length of its payload in bytes.
    #[inline]
    pub fn len_bytes(&self) -> usize {
        self.len_bytes as usize
    }

    /// The mark that both sides may change; 0 when it was written.
    #[inline]
    pub fn mark(&self) -> &AtomicU32 {
        self.memory.mark(self.position)
    }

    /// Appends the payload to `out`. If the producer changes it meanwhile, the bytes are some of both.
    #[inline]
    pub fn copy_to(&self, out: &mut Vec<u8>) {
        let payload = self.position.wrapping_add(HEADER_BYTES as u64);
        copy::append(&self.memory, payload, self.len_bytes(), out);
    }

    /// The payload where it is, in the ring.
    ///
    /// # Safety
    /// Nobody changes these bytes as long as the slice is in use. An honest producer does not until they are given back,
    /// and neither does an honest consumer, through [`Record::mark`] of another record or otherwise. A process that you do
    /// not trust needs [`Record::copy_to`].
    #[inline]
    pub unsafe fn payload(&self) -> &'r [u8] {
        let begin = self.memory.payload(self.position).as_ptr();
        // SAFETY: `Reading::next` has checked that the payload is in the ring in one piece, and the segment is mapped as
        // long as the consumer lives, which 'r borrows. That the bytes do not change is the caller's promise.
        unsafe { slice::from_raw_parts(begin, self.len_bytes()) }
    }
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("position", &self.position())
            .field("tag", &self.tag())
            .field("len_bytes", &self.len_bytes)
            .finish_non_exhaustive()
    }
}
