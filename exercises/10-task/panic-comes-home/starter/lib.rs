//! Tasks that panic, in a worker that lives on.

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

/// Called once in a worker, before its first task.
pub fn prepare() {
    todo!("a panic's place is known to the panic hook alone")
}

/// Runs a task. Whatever it panics with, nothing unwinds out of this function.
///
/// # Errors
/// The task has panicked. The report says with which message, and where.
pub fn run(task: fn(u64) -> u64, argument: u64) -> Result<u64, Report> {
    todo!("catch the panic, and report it")
}
