//! PANIC: took it for granted that the value is a text.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};

/// Why a task has no result.
#[derive(Debug)]
pub struct Report {
    /// The panic's message, if its value is a text.
    pub message: Option<String>,
    /// Where the panic was: file, line and column, with colons between them.
    pub place: Option<String>,
}

thread_local! {
    /// Where this thread's last panic was.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Called once in a worker, before its first task.
pub fn prepare() {
    set_hook(Box::new(|panic| PLACE.set(panic.location().map(ToString::to_string))));
}

/// Runs a task. Whatever it panics with, nothing unwinds out of this function.
///
/// # Errors
/// The task has panicked. The report says with which message, and where.
pub fn run(task: fn(u64) -> u64, argument: u64) -> Result<u64, Report> {
    catch_unwind(|| task(argument)).map_err(|value| {
        // Both are taken before the value is dropped: its destructor may panic as well.
        let report = Report { message: text(&*value), place: PLACE.take() };
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
            // Dropping this one might panic again, and so on.
            std::mem::forget(second);
        }
        report
    })
}

/// The text that a panic's value is, if it is one.
fn text(value: &(dyn Any + Send)) -> Option<String> {
    match value.downcast_ref::<&'static str>() {
        Some(text) => Some((*text).to_owned()),
        None => Some(value.downcast_ref::<String>().expect("a text").clone()),
    }
}
