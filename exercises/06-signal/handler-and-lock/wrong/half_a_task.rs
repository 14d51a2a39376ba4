//! WRONG_ANSWER: has no lock, so the handler sees what the task has half written.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

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

static FILES: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static SAY: OnceLock<Say> = OnceLock::new();
static TOTALS: OnceLock<usize> = OnceLock::new();

/// Does all tasks, one after the other, and returns the totals.
///
/// If SIGUSR1 comes while a task is done, `say` is called once when that task is finished, and before the next one is
/// begun. It is given the totals of whole tasks.
///
/// # Errors
/// If SIGUSR1 cannot be prepared for.
pub fn run(tasks: &[Task], say: Say) -> io::Result<Totals> {
    SAY.get_or_init(|| say);
    let mut totals = Totals { files: 0, bytes: 0 };
    TOTALS.get_or_init(|| &raw const totals as usize);
    // SAFETY: the totals are there as long as the tasks are done.
    unsafe { signal(Signal::SIGUSR1, SigHandler::Handler(report)) }?;
    for task in tasks {
        task(&mut totals);
    }
    Ok(totals)
}

/// The handler of SIGUSR1.
extern "C" fn report(_: i32) {
    if let (Some(say), Some(totals)) = (SAY.get(), TOTALS.get()) {
        // SAFETY: `run` has not returned yet.
        say(unsafe { &*(*totals as *const Totals) });
    }
}
