//! What a worker answered, as the caller's type.
//!
//! Results are decoded by the thread that joins, without the pool's lock; `Deserialize` is the caller's code.

use crate::task_cell::Answer;
use executor::TaskError;
use shared::passing;
use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};
use task::{Message, Outcome, PanicReport};

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
    if outcome != Outcome::Returned as u8 {
        return Err(Box::new(report(outcome, bytes, std::any::type_name::<R>())));
    }
    let decoded = if descriptors.is_empty() {
        task::decode(bytes)
    } else {
        passing::provide(descriptors, || task::decode(bytes))
    };
    decoded.map_err(undecoded)
}

#[cold]
fn undecoded(error: task::CodecError) -> Box<TaskError> {
    Box::new(TaskError::Decode { type_name: error.type_name, message: error.message })
}

#[cold]
fn report(outcome: u8, bytes: &[u8], type_name: &'static str) -> TaskError {
    let Ok(outcome) = Outcome::try_from(outcome) else {
        let message = format!("the worker ended the task with {outcome}, which is no outcome");
        return TaskError::Decode { type_name, message };
    };
    let report = match PanicReport::decode(bytes) {
        Ok(report) => report,
        Err(error) => {
            return TaskError::Decode { type_name: error.type_name, message: error.message };
        }
    };
    let type_name = known_name(report.type_name.as_deref().unwrap_or("a value"));
    match outcome {
        Outcome::DecodeFailed => TaskError::Decode { type_name, message: report.message },
        Outcome::EncodeFailed => TaskError::Encode { type_name, message: report.message },
        Outcome::Panicked | Outcome::Returned => TaskError::Panicked {
            backtrace: report.backtrace(),
            message: report.message,
            location: report.location,
        },
    }
}

/// A type's name for ever: there are only so many types in a program, so only so many names are kept.
fn known_name(name: &str) -> &'static str {
    static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    const NAMES_MAX: usize = 4096;

    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    match known.get(name) {
        Some(known) => known,
        None if known.len() >= NAMES_MAX => "a value",
        None => {
            let kept: &'static str = Box::leak(Box::from(name));
            known.insert(kept);
            kept
        }
    }
}
