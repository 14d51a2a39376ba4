//! Shows that one call of fork returns twice, at the same instruction.
//! Minutes: 5
//!
//! Run it with `cargo run --example two_returns`.
//! Look at how often each `println!` below stands in the source and how often its line is printed.

use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};
use std::error::Error;
use std::process::id;

// ANCHOR: main
fn main() -> Result<(), Box<dyn Error>> {
    println!("process {}: main begins", id());
    let mut number = 1;

    // SAFETY: this program has one thread, so the child lacks no thread that could
    // hold a lock.
    let returned = unsafe { fork()? };
    let instruction = instruction_pointer();

    if let ForkResult::Parent { child } = returned {
        // The child speaks first: the parent goes on when it has ended.
        waitpid(child, None)?;
    }
    println!("process {}: fork returned {returned:?}", id());
    println!("process {}: the next instruction is at {instruction}", id());
    println!("process {}: number is {number}, at {:p}", id(), &number);

    number += if returned.is_child() { 100 } else { 10 };
    println!("process {}: number is {number} now, at {:p}", id(), &number);
    println!("process {}: main ends", id());
    Ok(())
}
// ANCHOR_END: main

/// The address of the instruction that the processor is at, in the function that this is inlined into.
#[inline(always)]
fn instruction_pointer() -> String {
    let address: usize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction computes an address and reads and writes no memory.
    unsafe {
        std::arch::asm!("lea {}, [rip]", out(reg) address, options(nomem, nostack, preserves_flags))
    };
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the instruction computes an address and reads and writes no memory.
    unsafe {
        std::arch::asm!("adr {}, .", out(reg) address, options(nomem, nostack, preserves_flags))
    };
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        // Elsewhere the address of this function has to do: it is in the same code, a little before.
        address = instruction_pointer as usize;
    }
    format!("{address:#x}")
}
