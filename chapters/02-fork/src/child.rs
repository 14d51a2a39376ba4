//! The child's side: run the closure, then leave without a way back.
//!
//! Invariant: control never leaves these functions but by the end of the process, so no frame of the parent's code is
//! returned to or unwound in the child.
//!
//! # References
//! man 2 _exit; man 3 exit, for what `_exit` leaves out.

use crate::PANIC_CODE;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

// ANCHOR: run_to_end
/// Runs `child` until there is an exit code, whether it returns or panics, and then
/// writes out what it printed.
///
/// Nobody will look at what a panic left half done, because the process ends:
/// `AssertUnwindSafe` holds.
pub(crate) fn run_to_end<F: FnOnce() -> i32>(child: F) -> i32 {
    let code = catch_unwind(AssertUnwindSafe(child)).unwrap_or_else(|payload| {
        // The payload's destructor is the caller's code as well and may panic in
        // turn.
        std::mem::forget(payload);
        PANIC_CODE
    });
    // Like `main`, the child has nobody left to tell that its last output was
    // refused.
    let _ = std::io::stdout().flush();
    code
}
// ANCHOR_END: run_to_end

// ANCHOR: exit
/// Ends the process at once: no destructors, no `atexit` handlers, no flushing.
pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: `_exit` takes any number and does not return; it touches nothing of
    // this process's memory.
    unsafe { libc::_exit(code) }
}

/// Ends the process when it is dropped, which only a panic does that nobody caught.
pub(crate) struct NoWayBack;

impl Drop for NoWayBack {
    fn drop(&mut self) {
        exit(PANIC_CODE)
    }
}
// ANCHOR_END: exit
