//! WRONG_ANSWER: looks at the flag when everything is done.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SigHandler, Signal, signal};

/// What was done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// How many files.
    pub files: u64,
    /// How many bytes they had, together.
    pub bytes: u64,
}

/// A piece of work, which adds to the totals.
pub type Task = fn(&mut Totals);

/// Says what was done so far.
pub type Say = fn(&Totals);

/// Whether SIGUSR1 has come and nothing was said since.
static CAME: AtomicBool = AtomicBool::new(false);

/// Does all tasks, one after the other, and returns the totals.
///
/// If SIGUSR1 comes while a task is done, `say` is called once when that task is finished, and before the next one is
/// begun. It is given the totals of whole tasks.
///
/// # Errors
/// If SIGUSR1 cannot be prepared for.
pub fn run(tasks: &[Task], say: Say) -> io::Result<Totals> {
    // SAFETY: the handler sets an atomic flag, which a handler may do.
    unsafe { signal(Signal::SIGUSR1, SigHandler::Handler(note)) }?;
    let mut totals = Totals { files: 0, bytes: 0 };
    for task in tasks {
        task(&mut totals);
    }
    if CAME.swap(false, Ordering::Relaxed) {
        say(&totals);
    }
    Ok(totals)
}

/// The handler of SIGUSR1.
extern "C" fn note(_: i32) {
    CAME.store(true, Ordering::Relaxed);
}
