//! For programs that die of an address: the last line of their errors says which one.
//!
//! A file and no part of the crate, which is free of `unsafe` and of other crates: a program that wants it says
//! `#[path = "../../../../gate/fault.rs"] mod fault;`.
//!
//! # References
//! man 2 sigaction, "The siginfo_t argument to a SA_SIGINFO handler"; man 7 signal-safety.

use std::io;

use nix::libc::{c_int, c_void, siginfo_t};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// Lets this process say at which address it has died.
pub(crate) fn tell_address() -> nix::Result<()> {
    let flags = SaFlags::SA_SIGINFO | SaFlags::SA_RESETHAND;
    let action = SigAction::new(SigHandler::SigAction(fault), flags, SigSet::empty());
    for signal in [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGILL] {
        // SAFETY: the handler takes no lock and no memory. When it has returned, the same access ends the process.
        unsafe { sigaction(signal, &action) }?;
    }
    Ok(())
}

extern "C" fn fault(_: c_int, info: *mut siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel gives a handler with SA_SIGINFO what it knows of the signal.
    let info = unsafe { &*info };
    // SAFETY: for these signals it has an address.
    let address = unsafe { info.si_addr() }.addr();
    let mut line = *b"fault at 0x0000000000000000\n";
    for (digit, place) in line[11..27].iter_mut().rev().enumerate() {
        *place = b"0123456789abcdef"[address >> (4 * digit) & 15];
    }
    let _ = nix::unistd::write(io::stderr(), &line);
}
