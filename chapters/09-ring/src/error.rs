//! What can be wrong with a ring, sorted by what the caller can do about it.

use std::error::Error;
use std::fmt;

/// Why a ring cannot be used, or a record in it cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RingError {
    /// No ring can be where it was asked for: the caller's mistake.
    Place {
        /// What is wrong with the place.
        what: &'static str,
    },
    /// What the other side has written makes no sense: it is damaged, hostile, or not a producer or consumer of this
    /// ring. Nothing more can be had from the ring.
    Corrupt {
        /// What makes no sense.
        what: &'static str,
    },
    /// The record at this position has been given back by the consumer, or was never written.
    NotInRing,
}

impl fmt::Display for RingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RingError::Place { what } => write!(f, "no ring can be made here: {what}"),
            RingError::Corrupt { what } => {
                write!(f, "the ring is corrupt: {what}; end the other side and make a new ring")
            }
            RingError::NotInRing => f.write_str(
                "the record is not in the ring: the consumer has given it back, or it was never written",
            ),
        }
    }
}

impl Error for RingError {}

/// Why a record was not written. The ring is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteError {
    /// There is no room now: publish, and wait until the consumer has given some back.
    Full,
    /// The payload is longer than a quarter of the ring: it has to travel another way.
    TooLarge,
    /// The consumer's index makes no sense: as [`RingError::Corrupt`].
    Corrupt,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WriteError::Full => {
                "the ring is full: publish what was written, and wait for the consumer to give back room"
            }
            WriteError::TooLarge => {
                "the payload is longer than a quarter of the ring: make the ring larger, or send the payload in a \
                 segment of its own"
            }
            WriteError::Corrupt => {
                "the ring is corrupt: the consumer's index is not in it; end the consumer and make a new ring"
            }
        })
    }
}

impl Error for WriteError {}
