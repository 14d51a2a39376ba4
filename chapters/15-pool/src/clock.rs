//! One clock for the program and its workers.
//!
//! `Instant` is this clock too, but cannot be sent.
//!
//! # References
//! man 2 clock_gettime, "CLOCK_MONOTONIC": it is the same for every process of a machine.

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds since the machine was started.
#[inline]
pub(crate) fn now_ns() -> u64 {
    // The call fails only for a clock that does not exist.
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |time| {
        (time.tv_sec() as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec() as u64)
    })
}
