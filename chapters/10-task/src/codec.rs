//! Values as bytes, in the wire format of postcard.
//!
//! Invariant: [`encode`] leaves nothing behind on an error, and [`decode`] believes no length before it has the bytes.
//!
//! # References
//! the wire format of postcard; the data model of serde.

use crate::read::Reader;
use crate::write::{Refusal, Writer};
use crate::{fast, panics};
use serde::{Serialize, de::DeserializeOwned};
use std::any::type_name;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A value could not be turned into bytes, or bytes were not one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodecError {
    /// The type of the value, as the compiler writes it.
    pub type_name: &'static str,
    /// What was wrong: the words of the type's own `Serialize` or `Deserialize`, if it said or panicked with any.
    pub message: String,
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value of type {} cannot be sent: {}", self.type_name, self.message)
    }
}

impl std::error::Error for CodecError {}

/// Appends the bytes of `value` to `out`.
///
/// They are postcard's, but for vectors of integers of 2 and more bytes at the top level, whose memory is copied whole.
///
/// # Errors
/// The type's `Serialize` said no or panicked, or there is no memory. Then `out` is as it was.
pub fn encode<A: Serialize + 'static>(value: &A, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let start = out.len();
    let done = if fast::encoded_parts(value).is_some() {
        append(value, out)
    } else {
        caught(|| append(value, out))
    };
    done.map_err(|why| {
        out.truncate(start);
        CodecError { type_name: type_name::<A>(), message: why.into_message() }
    })
}

/// The value that `bytes` are the encoding of.
///
/// # Errors
/// The bytes are no such value, there are bytes behind it, or the type's `Deserialize` said no or panicked.
pub fn decode<R: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<R, CodecError> {
    caught(|| read(bytes))
        .map_err(|why| CodecError { type_name: type_name::<R>(), message: why.into_message() })
}

/// How many bytes [`encode`] will append, if that is known without a look at each element: for a vector of numbers
/// or a text.
#[inline]
pub fn encoded_size_hint<A: 'static>(value: &A) -> Option<usize> {
    fast::encoded_parts(value).map(|(head, body)| head.len() + body.len())
}

/// As [`encode`], but a panic goes on to the caller, and what was written before an error stays.
#[inline]
pub(crate) fn append<A: Serialize + 'static>(
    value: &A,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    if let Some((head, body)) = fast::encoded_parts(value) {
        return fast::append(out, &head, body).ok_or_else(|| Refusal::new(fast::NO_MEMORY));
    }
    value.serialize(&mut Writer { out })
}

/// As [`decode`], but a panic goes on to the caller.
#[inline]
pub(crate) fn read<R: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<R, Refusal> {
    if let Some(decoded) = fast::decode(bytes) {
        return decoded.map_err(Refusal::new);
    }
    let mut reader = Reader::new(bytes);
    let value = R::deserialize(&mut reader)?;
    match reader.rest() {
        [] => Ok(value),
        rest => Err(Refusal::new(format_args!("{} bytes are left over behind it", rest.len()))),
    }
}

fn caught<T>(work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    let panicked =
        |payload| Refusal::new(format_args!("panicked: {}", panics::message(payload)));
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(panicked(payload)))
}
