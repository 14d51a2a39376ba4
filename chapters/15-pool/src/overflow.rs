//! Lets a worker that overflows its stack say so, as any Rust program does.
//!
//! Rust's runtime handles SIGSEGV and SIGBUS: a fault in the guard page below a stack becomes a message on standard
//! error and `abort`. A worker begins without any handler, so an overflow there would be a bare SIGSEGV. So the program
//! remembers whose handler there was when it called `init`, or when it is copied, and a worker calls that for a fault.
//!
//! A signal that somebody sent is no fault. The runtime's handler takes it for one, resets the signal and returns, so
//! that the fault happens again; but what was sent does not happen again, and the worker would survive. Here it ends by
//! the signal that it was sent.
//!
//! Invariant: only a worker has this handler, and only where it had the runtime's before. After `init_at_load!` there is
//! none yet, and nothing changes.
//!
//! # References
//! man 2 sigaction, "si_code"; man 7 signal-safety; Rust's `library/std/src/sys/pal/unix/stack_overflow.rs`.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The signals, and the handler that each had; 0 if none.
static REMEMBERED: [(c_int, AtomicUsize); 2] =
    [(libc::SIGSEGV, AtomicUsize::new(0)), (libc::SIGBUS, AtomicUsize::new(0))];

/// In the program, and in a process that is to become a worker: before the handlers are reset. The first call counts.
pub(crate) fn remember() {
    for (signal, remembered) in &REMEMBERED {
        // SAFETY: the type holds numbers and pointers, for all of which zero is a value.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        // SAFETY: null asks for no change; `action` is valid for the write of one.
        let known = unsafe { libc::sigaction(*signal, ptr::null(), &raw mut action) } == 0;
        let is_set = !matches!(action.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN);
        if known && is_set && action.sa_flags & libc::SA_SIGINFO != 0 {
            let _ = remembered.compare_exchange(
                0,
                action.sa_sigaction,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
        }
    }
}

/// In the worker: faults are told from now on.
pub(crate) fn tell() {
    for (signal, remembered) in &REMEMBERED {
        if remembered.load(Ordering::Relaxed) != 0 {
            set(*signal, on_fault as *const () as usize);
        }
    }
}

fn set(signal: c_int, handler: usize) {
    // SAFETY: as above: zero is a value for all parts, and means an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    // On the stack that the runtime has put aside: the usual one may have no room left.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: the handler is `on_fault`, which has the type for this flag, or the default.
    unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
}

extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel gives a handler with SA_SIGINFO a valid record.
    let code = unsafe { (*info).si_code };
    let remembered = REMEMBERED.iter().find(|(number, _)| *number == signal);
    let handler = remembered.map_or(0, |(_, handler)| handler.load(Ordering::Relaxed));
    // The kernel's own codes are above zero.
    if code > 0 && handler != 0 {
        // SAFETY: this address was the handler of this signal, with SA_SIGINFO, in this very image.
        let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
            unsafe { std::mem::transmute::<usize, _>(handler) };
        return handler(signal, info, context);
    }
    set(signal, libc::SIG_DFL);
    // It is blocked while this runs, and comes when this returns.
    // SAFETY: no memory is involved.
    unsafe { libc::raise(signal) };
}
