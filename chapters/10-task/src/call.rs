//! A function as two distances, and how it is run from them.
//!
//! Invariant: the two distances of a [`Call`] were taken together in [`Call::of`], so the second function knows the
//! types of the first.
//!
//! # References
//! The Rust Reference, "Function pointer types"; man 8 ld.so; man 5 proc_sys_kernel, "randomize_va_space".

use crate::codec;
use crate::fast;
use crate::image::Image;
use crate::panics::{self, PanicReport};
use crate::write::Refusal;
use serde::{Serialize, de::DeserializeOwned};
use std::any::type_name;
use std::cell::Cell;
use std::fmt;
use std::mem::transmute;
use std::ptr::with_exposed_provenance;

/// What can be an argument or a result: it owns all that it refers to, and serde can write and read it.
pub trait Message: Serialize + DeserializeOwned + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Send + 'static> Message for T {}

/// A function cannot be called from another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallError {
    /// The code at this address is not the executable's own, so another process may have it at another distance.
    NotInExecutable {
        /// Where the code is, in this process.
        address: usize,
    },
    /// The numbers that arrived are no places in the executable's code.
    NotCode {
        /// What arrived.
        bits: u64,
    },
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::NotInExecutable { address } => write!(
                f,
                "the function at {address:#x} is in a shared library, not in the program: call it from a function of \
                 the program and send that one"
            ),
            CallError::NotCode { bits } => write!(
                f,
                "{bits:#018x} names no function of this program: the sender runs another one or is damaged"
            ),
        }
    }
}

impl std::error::Error for CallError {}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// The bytes are the function's result.
    Returned = 0,
    /// The function panicked; the bytes are a [`PanicReport`], as they are for the next two.
    Panicked = 1,
    /// The argument was no value of its type, so the function was not run.
    DecodeFailed = 2,
    /// The function's result could not be turned into bytes.
    EncodeFailed = 3,
}

impl TryFrom<u8> for Outcome {
    type Error = u8;

    /// # Errors
    /// The number, if it is no outcome.
    #[inline]
    fn try_from(number: u8) -> Result<Outcome, u8> {
        match number {
            0 => Ok(Outcome::Returned),
            1 => Ok(Outcome::Panicked),
            2 => Ok(Outcome::DecodeFailed),
            3 => Ok(Outcome::EncodeFailed),
            _ => Err(number),
        }
    }
}

// ANCHOR: call
/// A function `fn(A) -> R` of this executable, in 8 bytes that any process of the same executable understands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// Where the function is, in bytes from the load address.
    function: u32,
    /// Where [`apply`] for its types is.
    apply: u32,
}

impl Call {
    /// The call of `f`.
    ///
    /// # Errors
    /// `f` is not in the executable but in a shared library.
    #[inline]
    pub fn of<A: Message, R: Message>(f: fn(A) -> R) -> Result<Call, CallError> {
        let apply: Apply = apply::<A, R>;
        let image = Image::current();
        Ok(Call {
            function: distance(image, f as usize)?,
            apply: distance(image, apply as usize)?,
        })
    }
}
// ANCHOR_END: call

impl Call {
    /// The call as a number.
    #[inline]
    pub fn to_bits(self) -> u64 {
        u64::from(self.apply) << 32 | u64::from(self.function)
    }

    /// The call that `bits` stand for.
    ///
    /// # Safety
    /// The bits come from [`Call::to_bits`] in a process of the same executable: one with the same
    /// [`Image::fingerprint`].
    ///
    /// # Errors
    /// They are no places in the executable's code. That finds most damaged numbers, not all.
    #[inline]
    pub unsafe fn from_bits(bits: u64) -> Result<Call, CallError> {
        let image = Image::current();
        let call = Call { function: bits as u32, apply: (bits >> 32) as u32 };
        let is_code = |distance: u32| image.text_contains(image.base() + distance as usize);
        if is_code(call.function) && is_code(call.apply) {
            Ok(call)
        } else {
            Err(CallError::NotCode { bits })
        }
    }
}

// ANCHOR: run
impl Call {
    /// Decodes the argument, runs the function and appends its result to `out`, or a [`PanicReport`] that says why
    /// there is none.
    ///
    /// A panic in the function, in the argument's `Deserialize`, in the result's `Serialize` or in a destructor of
    /// either is caught. Two at once, one out of a destructor while the other unwinds, abort the process, as
    /// everywhere in Rust. After [`catch_panics`](crate::catch_panics) nothing is printed.
    pub fn run(self, argument: &[u8], out: &mut Vec<u8>) -> Outcome {
        self.run_in_place(argument, out, &mut |_, _| false)
    }

    /// As [`Call::run`], but offers a result that is a vector of numbers or a text to `take` before it is copied: its
    /// length as it is encoded, and its own memory. If `take` says true, it has written both where they belong, one
    /// after the other, and nothing is appended to `out`.
    pub fn run_in_place(
        self,
        argument: &[u8],
        out: &mut Vec<u8>,
        take: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Outcome {
        let base = Image::current().base();
        let apply = with_exposed_provenance::<()>(base + self.apply as usize);
        let function = with_exposed_provenance::<()>(base + self.function as usize);
        // SAFETY: `Call::of` took this distance from an `Apply`, in this executable; for a call that came as bits,
        // the caller of `from_bits` has promised it.
        let apply = unsafe { transmute::<*const (), Apply>(apply) };
        let (start, stage) = (out.len(), Cell::new(Stage::Run));
        // SAFETY: `Call::of` took both distances together, and `to_bits` keeps them together.
        let ended = panics::guarded(|| unsafe { apply(function, argument, out, take, &stage) });
        match ended {
            Ok(Ok(())) => Outcome::Returned,
            Ok(Err(why)) => {
                out.truncate(start);
                stage.get().refused(why.into_message(), out)
            }
            Err(report) => {
                out.truncate(start);
                stage.get().panicked(report, out)
            }
        }
    }
}
// ANCHOR_END: run

/// Runs `function` in this process as a worker would: its panic is caught, and after
/// [`catch_panics`](crate::catch_panics) not printed but reported with its place and stack.
///
/// # Errors
/// The report of its panic.
// By its name a backtrace knows where the task ends.
#[inline(never)]
pub fn catch<A, R>(function: fn(A) -> R, argument: A) -> Result<R, PanicReport> {
    panics::guarded(|| function(argument))
}

/// Where a function without argument and result is, in bytes from the load address: for a hook that a worker runs by
/// itself.
///
/// # Errors
/// `function` is not in the executable but in a shared library.
pub fn distance_of(function: fn()) -> Result<u64, CallError> {
    distance(Image::current(), function as usize).map(u64::from)
}

/// The function at a distance from [`distance_of`].
///
/// # Safety
/// The number comes from `distance_of` in a process of the same executable, as for [`Call::from_bits`].
///
/// # Errors
/// It is no place in the executable's code.
pub unsafe fn function_at(distance: u64) -> Result<fn(), CallError> {
    let image = Image::current();
    let address = usize::try_from(distance).ok().and_then(|it| image.base().checked_add(it));
    let address = address.filter(|address| image.text_contains(*address));
    let address = address.ok_or(CallError::NotCode { bits: distance })?;
    // SAFETY: the caller has promised that `distance_of` took the distance from a `fn()` of this executable.
    Ok(unsafe { transmute::<*const (), fn()>(with_exposed_provenance::<()>(address)) })
}

#[inline]
fn distance(image: &Image, address: usize) -> Result<u32, CallError> {
    let error = CallError::NotInExecutable { address };
    if !image.text_contains(address) {
        return Err(error);
    }
    u32::try_from(address - image.base()).map_err(|_| error)
}

/// What of a task is under way.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// The argument is decoded; its type.
    Decode(&'static str),
    Run,
    /// The result is encoded; its type.
    Encode(&'static str),
}

impl Stage {
    #[cold]
    fn refused(self, message: String, out: &mut Vec<u8>) -> Outcome {
        let (outcome, type_name) = match self {
            Stage::Decode(type_name) => (Outcome::DecodeFailed, type_name),
            Stage::Encode(type_name) => (Outcome::EncodeFailed, type_name),
            Stage::Run => (Outcome::Panicked, ""),
        };
        PanicReport::of_value(type_name, message).encode(out);
        outcome
    }

    #[cold]
    fn panicked(self, mut report: PanicReport, out: &mut Vec<u8>) -> Outcome {
        let outcome = match self {
            Stage::Decode(type_name) => {
                report.type_name = Some(type_name.to_owned());
                Outcome::DecodeFailed
            }
            Stage::Encode(type_name) => {
                report.type_name = Some(type_name.to_owned());
                Outcome::EncodeFailed
            }
            Stage::Run => Outcome::Panicked,
        };
        report.encode(out);
        outcome
    }
}

/// Takes a result in two parts, or refuses.
type Take<'t> = &'t mut dyn FnMut(&[u8], &[u8]) -> bool;

type Apply =
    unsafe fn(*const (), &[u8], &mut Vec<u8>, Take<'_>, &Cell<Stage>) -> Result<(), Refusal>;

// ANCHOR: apply
/// The other half of a call: it knows the types of `function`, which a number does not.
///
/// # Safety
/// `function` is a `fn(A) -> R`.
unsafe fn apply<A: Message, R: Message>(
    function: *const (),
    argument: &[u8],
    out: &mut Vec<u8>,
    take: Take<'_>,
    stage: &Cell<Stage>,
) -> Result<(), Refusal> {
    // SAFETY: the caller says so.
    let function = unsafe { transmute::<*const (), fn(A) -> R>(function) };
    stage.set(Stage::Decode(type_name::<A>()));
    let argument = codec::read(argument)?;
    stage.set(Stage::Run);
    let result = function(argument);
    stage.set(Stage::Encode(type_name::<R>()));
    let taken = fast::encoded_parts(&result).is_some_and(|(head, body)| take(&head, body));
    if !taken {
        codec::append(&result, out)?;
    }
    // The destructor of the result is the task's own code again.
    stage.set(Stage::Run);
    Ok(())
}
// ANCHOR_END: apply
