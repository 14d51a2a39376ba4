//! LOCK_IN_HANDLER: keeps the totals out of the handler, and writes its line into a log.

use std::io;
use std::sync::Mutex;
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

static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Does all tasks, one after the other, and returns the totals.
///
/// If SIGUSR1 comes while a task is done, `say` is called once when that task is finished, and before the next one is
/// begun. It is given the totals of whole tasks.
///
/// # Errors
/// If SIGUSR1 cannot be prepared for.
pub fn run(tasks: &[Task], say: Say) -> io::Result<Totals> {
    // SAFETY: the handler has a log of its own, whose lock nobody else takes.
    unsafe { signal(Signal::SIGUSR1, SigHandler::Handler(note)) }?;
    let mut totals = Totals { files: 0, bytes: 0 };
    for task in tasks {
        task(&mut totals);
        if CAME.swap(false, Ordering::Relaxed) {
            say(&totals);
        }
    }
    Ok(totals)
}

/// The handler of SIGUSR1.
extern "C" fn note(number: i32) {
    CAME.store(true, Ordering::Relaxed);
    if let Ok(mut log) = LOG.lock() {
        log.push(format!("signal {number} has come"));
    }
}
