//! Shows that what waits in a buffer at the fork is in both processes, and that the checked fork prints it once.
//! Minutes: 6
//!
//! Run it with `cargo run --example printed_twice`, then with `| cat` after it.
//! Look at which text is there twice although the source prints it once.

use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};
use std::error::Error;
use std::io::{BufWriter, Write, stdout};
use std::process::id;

fn main() -> Result<(), Box<dyn Error>> {
    if in_standard_output()? || in_a_buffer_of_its_own()? {
        // The child has done its part. It would run on in `main`, like the parent, if it did not leave here.
        return Ok(());
    }
    with_the_checked_fork()
}

/// `true` in the child.
fn in_standard_output() -> Result<bool, Box<dyn Error>> {
    println!("1. plain fork, text without a newline in standard output");
    print!("[text] ");
    // SAFETY: this program has one thread, so the child lacks no thread that could hold a lock.
    let returned = unsafe { fork()? };
    if let ForkResult::Parent { child } = returned {
        waitpid(child, None)?;
    }
    println!("process {} ends the line", id());
    Ok(returned.is_child())
}

/// `true` in the child.
fn in_a_buffer_of_its_own() -> Result<bool, Box<dyn Error>> {
    println!("2. plain fork, a line in a BufWriter");
    let mut buffer = BufWriter::new(stdout());
    writeln!(buffer, "[line]")?;
    // SAFETY: this program has one thread, so the child lacks no thread that could hold a lock.
    let returned = unsafe { fork()? };
    if let ForkResult::Parent { child } = returned {
        waitpid(child, None)?;
    }
    writeln!(buffer, "process {} drops the buffer", id())?;
    Ok(returned.is_child())
}

fn with_the_checked_fork() -> Result<(), Box<dyn Error>> {
    println!("3. checked fork, both");
    let mut buffer = BufWriter::new(stdout());
    writeln!(buffer, "[line]")?;
    print!("[text] ");
    let child = fork::fork(|| {
        println!("process {} ends the line", id());
        0
    })?;
    waitpid(child, None)?;
    writeln!(buffer, "process {} drops the buffer", id())?;
    Ok(())
}
