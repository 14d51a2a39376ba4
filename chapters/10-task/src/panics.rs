//! Panics of tasks: caught, described, and told to the other process.
//!
//! A panic's message and place go to the panic hook, before anything is unwound; [`catch_panics`] installs one that
//! notes them, with the addresses on the stack, in a variable of the thread. [`Call::run`](crate::Call::run) catches
//! the panic and takes the note. The addresses become names only when somebody looks, in the program.
//!
//! Invariant: what is noted is taken before the panic's payload is dropped, because that may panic again.
//!
//! # References
//! std::panic::set_hook; std::panic::catch_unwind.

use crate::codec::CodecError;
use crate::image::Image;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Mutex, Once, PoisonError};

/// How many addresses of a stack are noted, from the panic outwards.
const FRAMES_MAX: usize = 128;

/// How much of a message is kept, in bytes.
const MESSAGE_LEN_MAX: usize = 64 << 10;

/// How many distinct stacks are remembered with their names.
const STACKS_MAX: usize = 256;

// ANCHOR: report
/// Why a task has no result: its panic, or a value that could not be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PanicReport {
    /// The panic's message, or what was wrong with the value.
    pub message: String,
    /// Where the panic was, as `file:line:column`; known only after [`catch_panics`].
    pub location: Option<String>,
    /// The type of the argument that could not be decoded, or of the result that could not be encoded. `None` if the
    /// function itself panicked.
    pub type_name: Option<String>,
    /// Return addresses less the load address, the innermost first; 0 for code outside of the executable.
    frames: Vec<u64>,
}
// ANCHOR_END: report

impl PanicReport {
    /// The report that [`Call::run`](crate::Call::run) left.
    ///
    /// # Errors
    /// The bytes are no report.
    pub fn decode(bytes: &[u8]) -> Result<PanicReport, CodecError> {
        crate::decode(bytes)
    }

    /// Appends what [`PanicReport::decode`] reads.
    pub fn encode(&self, out: &mut Vec<u8>) {
        // Strings and numbers: neither their code nor a vector in memory refuses anything.
        let _ = crate::encode(self, out);
    }

    /// The report about a value that could not be sent.
    pub fn of_value(type_name: &str, message: String) -> PanicReport {
        PanicReport {
            message: cut(message),
            location: None,
            type_name: Some(type_name.to_owned()),
            frames: Vec::new(),
        }
    }

    /// The stack of the panic, a function and its place for each call, innermost first; empty if it was not noted.
    ///
    /// The names are looked up now, in the executable of this process, which must be the one that panicked. That takes
    /// milliseconds for the first stack of a program and memory for its debug information; equal stacks are looked up
    /// once.
    pub fn backtrace(&self) -> String {
        static KNOWN: Mutex<Option<HashMap<Vec<u64>, String>>> = Mutex::new(None);

        let frames = &self.frames[..self.frames.len().min(FRAMES_MAX)];
        if frames.is_empty() {
            return String::new();
        }
        let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(backtrace) = known().as_ref().and_then(|known| known.get(frames)) {
            return backtrace.clone();
        }
        let backtrace = symbolised(frames);
        let mut known = known();
        let known = known.get_or_insert_default();
        if known.len() >= STACKS_MAX {
            known.clear();
        }
        known.insert(frames.to_vec(), backtrace.clone());
        backtrace
    }
}

impl fmt::Display for PanicReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.type_name {
            Some(type_name) => write!(f, "a value of type {type_name} cannot be sent: ")?,
            None => f.write_str("panicked: ")?,
        }
        f.write_str(&self.message)?;
        match &self.location {
            Some(location) => write!(f, ", at {location}"),
            None => Ok(()),
        }
    }
}

/// What the hook notes of a panic.
struct Note {
    message: String,
    location: Option<String>,
    frames: Vec<u64>,
    /// The panic before it, for the case that the two end the process together.
    before: Option<String>,
}

impl Note {
    fn line(&self) -> String {
        let location = self.location.as_deref().unwrap_or("an unknown place");
        format!("panicked at {location}: {}", self.message)
    }
}

thread_local! {
    /// How many calls of [`guarded`] this thread is in.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static NOTE: RefCell<Option<Note>> = const { RefCell::new(None) };
}

// ANCHOR: hook
/// Notes the message, the place and the stack of every panic of a task, in place of printing them.
///
/// For workers: once, before the first task. Panics outside of [`Call::run`](crate::Call::run), such as those of a
/// thread that a task started, still go to the hook that was there before. So does a panic that will end the process,
/// because nobody can report that one later.
pub fn catch_panics() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if DEPTH.get() == 0 {
                return before(panic);
            }
            let message = panic.payload_as_str().map(str::to_owned);
            if message.as_deref().is_some_and(ends_the_process) {
                tell_last_words();
                return before(panic);
            }
            note(message.unwrap_or_else(|| NO_TEXT.to_owned()), panic);
        }));
    });
}
// ANCHOR_END: hook

/// The message of a panic whose value is no text.
const NO_TEXT: &str = "(the panic's value is no text)";

/// Whether this is the message of a panic after which Rust aborts: one out of a destructor during unwinding, or out of
/// a function that cannot unwind.
fn ends_the_process(message: &str) -> bool {
    message.starts_with("panic in a destructor during cleanup")
        || message.starts_with("panic in a function that cannot unwind")
}

/// Prints the panics that were noted last, which led to the end of the process.
fn tell_last_words() {
    if let Some(note) = NOTE.take() {
        note.before.iter().for_each(|line| eprintln!("{line}"));
        eprintln!("{}", note.line());
    }
}

fn note(message: String, panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string);
    let image = Image::current();
    let mut frames = Vec::with_capacity(FRAMES_MAX);
    backtrace::trace(|frame| {
        let address = frame.ip().addr();
        let inside = image.contains(address);
        frames.push(if inside { (address - image.base()) as u64 } else { 0 });
        frames.len() < FRAMES_MAX
    });
    // A thread that is ending has no such variable any more, but then it runs no task either.
    let _ = NOTE.try_with(|last| {
        let before = last.take().map(|before| before.line());
        last.replace(Some(Note { message: cut(message), location, frames, before }))
    });
}

fn cut(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(MESSAGE_LEN_MAX));
    message
}

/// Runs `work`; its panic becomes a report.
#[inline]
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, PanicReport> {
    DEPTH.set(DEPTH.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(work));
    let result = result.map_err(report);
    DEPTH.set(DEPTH.get() - 1);
    result
}

#[cold]
fn report(payload: Box<dyn Any + Send>) -> PanicReport {
    let note = NOTE.take();
    let message = message(payload);
    // A note of another panic, one that the task caught itself, says nothing about this one.
    let note = note.filter(|note| note.message == message);
    let (location, frames) = note.map(|note| (note.location, note.frames)).unwrap_or_default();
    PanicReport { message, location, type_name: None, frames }
}

/// The text of a panic's value. Drops the value, which may panic itself.
pub(crate) fn message(payload: Box<dyn Any + Send>) -> String {
    let text = match payload.downcast_ref::<&'static str>() {
        Some(text) => Some((*text).to_owned()),
        None => payload.downcast_ref::<String>().cloned(),
    };
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // Dropping this one might panic again, and so on.
        std::mem::forget(second);
    }
    cut(text.unwrap_or_else(|| NO_TEXT.to_owned()))
}

/// The names of the functions on a stack, from the function that panicked to the task itself.
fn symbolised(frames: &[u64]) -> String {
    let image = Image::current();
    let mut calls = Vec::new();
    for frame in frames {
        let address =
            usize::try_from(*frame).ok().and_then(|frame| frame.checked_add(image.base()));
        let before = calls.len();
        if let Some(address) = address.filter(|address| *frame != 0 && image.contains(*address))
        {
            let address = std::ptr::without_provenance_mut(address);
            backtrace::resolve(address, |symbol| calls.push(described(symbol)));
        }
        if calls.len() == before {
            let place = if *frame == 0 {
                "outside of the program".to_owned()
            } else {
                format!("program + {frame:#x}")
            };
            calls.push((place, None));
        }
    }
    let mut text = String::new();
    for (number, (name, place)) in of_the_task(&calls).iter().enumerate() {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{number:>4}: {name}");
        if let Some(place) = place {
            let _ = writeln!(text, "             at {place}");
        }
    }
    text
}

type Described = (String, Option<String>);

fn described(symbol: &backtrace::Symbol) -> Described {
    let name = symbol.name().map_or_else(|| "(no name)".to_owned(), |name| format!("{name:#}"));
    let place = symbol.filename().map(|file| {
        let here = std::env::current_dir().unwrap_or_default();
        let file = file.strip_prefix(&here).unwrap_or(file).display();
        match symbol.lineno() {
            Some(line) => format!("{file}:{line}"),
            None => file.to_string(),
        }
    });
    (name, place)
}

/// Leaves out the machinery of the panic at the inner end and the machinery of the worker at the outer end.
fn of_the_task(calls: &[Described]) -> &[Described] {
    let is_worker = |(name, _): &Described| name.starts_with("task::call::");
    let is_panic = |(name, _): &Described| {
        ["rust_begin_unwind", "core::panicking::", "std::panicking::", "std::panic::panic_any"]
            .iter()
            .any(|part| name.contains(part))
    };
    let end = calls.iter().position(is_worker).unwrap_or(calls.len());
    let calls = &calls[..end];
    // A task may use `catch_unwind` itself, further out: only the first row of such names is the panic's.
    let Some(first) = calls.iter().position(is_panic) else { return calls };
    let row = calls[first..].iter().take_while(|call| is_panic(call)).count();
    &calls[first + row..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_task_is_left_of_a_stack() {
        let stack = [
            "backtrace::trace",
            "task::panics::note",
            "std::panicking::panic_with_hook",
            "__rustc::rust_begin_unwind",
            "core::panicking::panic_fmt",
            "user::inner",
            "std::panicking::catch_unwind",
            "user::task",
            "task::call::apply",
            "std::panicking::catch_unwind",
            "main",
        ];
        let calls: Vec<Described> =
            stack.iter().map(|name| ((*name).to_owned(), None)).collect();
        assert_eq!(of_the_task(&calls), &calls[5..8]);
        assert_eq!(of_the_task(&calls[7..8]), &calls[7..8], "without either machinery");
        assert!(of_the_task(&calls[8..]).is_empty());
    }

    #[test]
    fn hostile_reports_harm_nobody() {
        let mut report = PanicReport::of_value("u8", String::new());
        report.frames = (0..100_000).map(|n| u64::MAX - n % 3).collect();
        report.frames[0] = 0;
        assert!(report.backtrace().starts_with("   0: outside of the program\n   1: "));
        let mut bytes = Vec::new();
        report.encode(&mut bytes);
        assert_eq!(PanicReport::decode(&bytes), Ok(report));
        for len in 0..64 {
            assert!(PanicReport::decode(&bytes[..len]).is_err());
        }
    }
}
