//! The part of chapter 05: bytes through a pipe, and messages made of them.
//!
//! A pipe carries bytes, not messages: one write may arrive as several reads and several writes as one.
//! [`read_exact`], [`read_full`] and [`frame`] put the boundaries back.
//!
//! Invariant: every descriptor made here has close-on-exec from the moment it exists, and a reader believes no length
//! that its peer claims before it has the bytes.
//!
//! # References
//! man 7 pipe; man 2 pipe; man 2 read; man 2 write.
#![forbid(unsafe_code)]

mod ends;
mod exact;
pub mod frame;

pub use ends::{ReadEnd, WriteEnd, pipe};
pub use exact::{ReadError, read_exact, read_full, write_all};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
