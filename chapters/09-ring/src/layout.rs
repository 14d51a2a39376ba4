//! Where everything is: the two index lines, the data, and the parts of a record.
//!
//! ```text
//! 0      128    256                                    256 + capacity
//! | tail | head | record | record | ... | filler | ...  |
//!
//! record:  len u32 | mark u32 | tag u64 | payload, up to a multiple of 8 bytes
//! filler:  FILLER u32 | 0 u32 | as far as the end of the ring
//! ```
//!
//! The tail belongs to the producer and the head to the consumer. Each has a block of 128 bytes: a cache line has 64
//! bytes on most machines, some fetch lines in pairs, and some have lines of 128 bytes.
//!
//! A position counts the bytes since the ring was made, fillers included, and is never reset. Its place in the data is
//! the position modulo the capacity, so an index that runs round needs no second variable to tell full from empty.

/// Bytes of the block that each index has to itself.
pub const LINE_BYTES: usize = 128;

/// Where the producer's index is, in bytes from the beginning of the ring.
pub(crate) const TAIL_OFFSET: usize = 0;

/// Where the consumer's index is.
pub(crate) const HEAD_OFFSET: usize = LINE_BYTES;

/// Where the data begins.
pub(crate) const DATA_OFFSET: usize = 2 * LINE_BYTES;

/// Bytes of a record's header.
pub const HEADER_BYTES: usize = 16;

/// The smallest capacity of a ring, in bytes.
pub const CAPACITY_MIN: usize = 4096;

/// The largest capacity of a ring, in bytes: a length in a header has 32 bits.
pub const CAPACITY_MAX: usize = 1 << 30;

/// In the place of a length: there is no record here, go on at the start of the ring.
pub const FILLER: u32 = u32::MAX;

/// What a record is aligned to, and what its size is a multiple of, in bytes.
pub(crate) const ALIGNMENT: u64 = 8;

/// Room that a ring takes in a segment, in bytes: two index lines and the data.
///
/// `capacity_bytes` is a power of two from [`CAPACITY_MIN`] to [`CAPACITY_MAX`]. The room is a multiple of
/// [`LINE_BYTES`], so rings can stand one behind the other.
pub const fn bytes_for(capacity_bytes: usize) -> usize {
    DATA_OFFSET + capacity_bytes
}

/// The longest payload, in bytes: a quarter of the ring.
pub(crate) const fn payload_max(capacity_bytes: usize) -> usize {
    capacity_bytes / 4
}

/// What a record with a payload of `len_bytes` takes, in bytes.
#[inline]
pub(crate) const fn record_size(len_bytes: u64) -> u64 {
    HEADER_BYTES as u64 + len_bytes.next_multiple_of(ALIGNMENT)
}
