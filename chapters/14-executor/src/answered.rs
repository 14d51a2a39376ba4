//! What a worker answered, as the caller's type: the end of a [`Call`](task::Call) that ran elsewhere.
//!
//! Invariant: whatever the bytes are, they end in a result or in an error.

use crate::error::TaskError;
use std::any::type_name;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use task::{Message, Outcome, PanicReport};

/// What came of a call: `outcome` is an [`Outcome`] as a number, `bytes` the encoded result or the report of why there is
/// none.
///
/// ```
/// use task::{Call, Outcome};
///
/// let mut out = Vec::new();
/// let outcome = Call::of(|n: u32| 100 / n).unwrap().run(&[7], &mut out);
/// assert_eq!(executor::answered::<u32>(outcome as u8, &out).unwrap(), 14);
/// ```
///
/// # Errors
/// The task panicked, its argument or its result could not be coded, or the bytes are not what a worker answers.
pub fn answered<R: Message>(outcome: u8, bytes: &[u8]) -> Result<R, TaskError> {
    if outcome == Outcome::Returned as u8 {
        return task::decode(bytes).map_err(undecoded);
    }
    Err(reported(outcome, bytes, type_name::<R>()))
}

#[cold]
fn undecoded(error: task::CodecError) -> TaskError {
    TaskError::Decode { type_name: error.type_name, message: error.message }
}

#[cold]
fn reported(outcome: u8, bytes: &[u8], type_name: &'static str) -> TaskError {
    let Ok(outcome) = Outcome::try_from(outcome) else {
        let message = format!("the worker ended the task with {outcome}, which is no outcome");
        return TaskError::Decode { type_name, message };
    };
    let report = match PanicReport::decode(bytes) {
        Ok(report) => report,
        Err(error) => return undecoded(error),
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
