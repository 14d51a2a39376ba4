//! A ring's place in a segment, and a record's place in a ring.

use crate::error::RingError;
use crate::layout::{CAPACITY_MAX, CAPACITY_MIN, LINE_BYTES, bytes_for};
use crate::memory::Mapped;
use shared::Segment;
use std::fmt;

/// The position of a record: a count of bytes since the ring was made. Later records have greater positions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// The number, to send it elsewhere.
    #[inline]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// Any number is a position. Whether a record is there, the ring says.
    #[inline]
    pub const fn from_bits(bits: u64) -> Position {
        Position(bits)
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Position({})", self.0)
    }
}

/// The memory of the ring at `offset_bytes`. The caller keeps the segment as long as it uses the memory.
pub(crate) fn find(
    segment: &Segment,
    offset_bytes: usize,
    capacity_bytes: usize,
) -> Result<Mapped, RingError> {
    if !capacity_bytes.is_power_of_two()
        || !(CAPACITY_MIN..=CAPACITY_MAX).contains(&capacity_bytes)
    {
        let what = "the capacity is not a power of two from 4,096 bytes to 2^30 bytes";
        return Err(RingError::Place { what });
    }
    if !offset_bytes.is_multiple_of(LINE_BYTES) {
        return Err(RingError::Place { what: "its offset is not a multiple of 128 bytes" });
    }
    let end = offset_bytes.checked_add(bytes_for(capacity_bytes));
    if end.is_none_or(|end| end > segment.len_bytes()) {
        return Err(RingError::Place { what: "it goes over the end of the segment" });
    }
    // SAFETY: the sum above shows that the offset is in the segment, which is one mapping.
    let base = unsafe { segment.as_ptr().add(offset_bytes) };
    // SAFETY: a segment begins at a page and the offset is a multiple of 128; all of the ring is in the segment and
    // stays mapped with it. The segment is memory for atomic access only (`shared::InSegment`), and what this crate does
    // there is atomic, but for `Record::payload`, whose caller answers for it.
    Ok(unsafe { Mapped::new(base, capacity_bytes) })
}
