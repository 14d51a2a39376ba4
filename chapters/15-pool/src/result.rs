//! What a worker answered, as the caller's type.
//!
//! Results are decoded by the thread that joins, without the pool's lock; `Deserialize` is the caller's code.

use crate::task_cell::Answer;
use executor::TaskError;
use shared::passing;
use std::os::fd::OwnedFd;
use task::{Message, Outcome};

/// What the worker answered, as the caller's type.
pub(crate) fn decode<R: Message>(answer: Answer) -> Result<R, TaskError> {
    match answer {
        Answer::Failed(error) => Err(*error),
        Answer::Decoded(result) => *result
            .downcast::<Result<R, TaskError>>()
            .expect("it was decoded for a callback of the same handle"),
        Answer::Parked(parked) => {
            let (parked, descriptors) = *parked;
            // SAFETY: `decode` of such a type only copies; any other type is decoded from a copy.
            let bytes = unsafe { parked.bytes() };
            if task::is_copied_whole::<R>() {
                return decode_bytes(Outcome::Returned as u8, bytes, descriptors)
                    .map_err(|error| *error);
            }
            let mut copy = Vec::new();
            if copy.try_reserve_exact(bytes.len()).is_err() {
                let message = format!("there is no memory for its {} bytes", bytes.len());
                return Err(TaskError::Decode {
                    type_name: std::any::type_name::<R>(),
                    message,
                });
            }
            copy.extend_from_slice(bytes);
            drop(parked);
            let bytes = copy;
            decode_bytes(Outcome::Returned as u8, &bytes, descriptors).map_err(|error| *error)
        }
        Answer::Bytes { outcome, bytes, descriptors } => {
            let descriptors = descriptors.map_or_else(Vec::new, <[_]>::into_vec);
            decode_bytes(outcome, &bytes, descriptors).map_err(|error| *error)
        }
    }
}

/// The same for bytes that lie elsewhere. The error is boxed, so that a result is not moved about with room for one.
#[inline]
pub(crate) fn decode_bytes<R: Message>(
    outcome: u8,
    bytes: &[u8],
    descriptors: Vec<OwnedFd>,
) -> Result<R, Box<TaskError>> {
    let decode = || executor::answered(outcome, bytes);
    let decoded = if descriptors.is_empty() || outcome != Outcome::Returned as u8 {
        decode()
    } else {
        passing::provide(descriptors, decode)
    };
    decoded.map_err(Box::new)
}
