//! The part of chapter 07: memory that several processes see.
//!
//! [`Segment`] has a fixed length and [`Growing`] grows; both are a *memfd*, a file that exists in memory only, mapped
//! shared. [`passing`] hands the descriptor of one to another process. [`SharedSlice`] and [`SharedSliceMut`] put these
//! together: slices of numbers that reach another process without a copy.
//!
//! Invariant: memory that is mapped here never lies behind the end of its file, whatever another process does, because
//! no mapping is made before the file is sealed against shrinking. So no file that becomes shorter is a SIGBUS here.
//!
//! # References
//! man 2 mmap; man 2 memfd_create; man 2 F_GET_SEALS; man 7 unix.

mod error;
mod growing;
mod mapping;
mod memfd;
pub mod passing;
mod segment;
mod slice;
mod slice_mut;
mod wire;

pub use bytemuck::Pod;
pub use error::SharedError;
pub use growing::Growing;
pub use segment::{InSegment, Segment};
pub use slice::SharedSlice;
pub use slice_mut::SharedSliceMut;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
