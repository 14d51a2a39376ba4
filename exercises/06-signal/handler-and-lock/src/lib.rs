//! Work that can be asked how far it has come: by SIGUSR1.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{SigHandler, Signal, signal};
use signal::Signals;

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

static TOTALS: Mutex<Totals> = Mutex::new(Totals { files: 0, bytes: 0 });

/// What the handler calls.
static SAY: Mutex<Option<Say>> = Mutex::new(None);

/// Does all tasks, one after the other, and returns the totals.
///
/// If SIGUSR1 comes while a task is done, `say` is called once when that task is finished, and before the next one is
/// begun. It is given the totals of whole tasks.
///
/// # Errors
/// If SIGUSR1 cannot be prepared for.
pub fn run(tasks: &[Task], say: Say) -> io::Result<Totals> {
    *locked(&SAY) = Some(say);
    // SAFETY: the handler touches nothing but what a lock protects.
    unsafe { signal(Signal::SIGUSR1, SigHandler::Handler(report)) }?;
    for task in tasks {
        task(&mut locked(&TOTALS));
    }
    Ok(*locked(&TOTALS))
}

/// The handler of SIGUSR1.
extern "C" fn report(_: i32) {
    if let Some(say) = *locked(&SAY) {
        say(&locked(&TOTALS));
    }
}

/// The totals cannot be half written, so it does not matter whether somebody has panicked with the lock.
fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
