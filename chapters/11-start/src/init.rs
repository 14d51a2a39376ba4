//! The call that makes a program able to start copies of itself.
//!
//! Invariant: in a process that a launcher executed, nothing behind [`init`] ever runs.

use crate::{WorkerMain, birth};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether `init` was called in this process or in the one that it was forked from.
static INITIALIZED: AtomicBool = AtomicBool::new(false);

// ANCHOR: init
/// To be called first in `main`, before any thread and any output.
///
/// In the program it returns, and costs one look at the environment. In a process that a
/// [`Launcher`](crate::Launcher) executed it never returns: that becomes the forkserver,
/// or a worker that runs `main` and ends with its result.
///
/// It may also be called before `main`, by a function in `.init_array`: it needs nothing
/// that Rust's runtime sets up.
///
/// # Panics
/// Never. A process that cannot become what it was started for ends with code 125.
pub fn init(main: WorkerMain) {
    INITIALIZED.store(true, Ordering::Relaxed);
    if let Some(value) = std::env::var_os(birth::MARK) {
        birth::follow(&value, main);
    }
}
// ANCHOR_END: init

/// Whether [`init`] was called, so that [`StartMethod::Spawn`](crate::StartMethod) and
/// [`StartMethod::Forkserver`](crate::StartMethod) work.
pub fn is_initialized() -> bool {
    INITIALIZED.load(Ordering::Relaxed)
}
