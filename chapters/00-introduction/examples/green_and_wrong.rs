//! A check that fails in a child passes in the parent, because nobody asked how the child ended.
//! Minutes: 1
//!
//! `cargo run --example green_and_wrong`. The panic is printed, and the check is still called passed; then the parent
//! asks, and hears.

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use std::error::Error;

// ANCHOR: check
/// Wrong: twice the number is not its square.
fn square(number: u32) -> u32 {
    number + number
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("parent: does a child process get square(3) = 9?");
    // SAFETY: this program has one thread.
    let child = match unsafe { fork() }? {
        ForkResult::Child => {
            assert_eq!(square(3), 9);
            std::process::exit(0);
        }
        ForkResult::Parent { child } => child,
    };
    let status = waitpid(child, None)?;
    println!("parent: nothing failed here, so the check has passed");

    if let WaitStatus::Exited(_, code) = status {
        println!("parent: but the child ended with code {code}, and I had not looked");
    }
    Ok(())
}
// ANCHOR_END: check
