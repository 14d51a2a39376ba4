//! The part of chapter 10: a function, its argument, its result and its panic, shipped to another process.
//!
//! Two processes that run the same executable have the same functions, each at the same distance from the place that
//! the executable was loaded at. So a [`Call`] names a function by that distance. Its argument and its result travel
//! as bytes ([`encode`], [`decode`]), and so does its panic ([`PanicReport`]).
//!
//! Invariant: whatever bytes arrive as an argument, a result or a report, they end in a value or in an error, never in
//! a panic and never in more memory than a small multiple of their length.
//!
//! # References
//! man 3 dl_iterate_phdr; man 5 elf; the wire format of postcard.

mod call;
mod codec;
mod fast;
mod image;
mod panics;
mod read;
mod write;

pub use call::{Call, CallError, Message, Outcome, catch, distance_of, function_at};
pub use codec::{CodecError, decode, encode, encoded_size_hint};
pub use fast::{Varint, encoded_parts, is_copied_whole};
pub use image::Image;
pub use panics::{PanicReport, catch_panics};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
