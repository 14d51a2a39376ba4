//! The program of `two-returns`: three small programs that fork. You predict what each can print.
//!
//! By hand, and often, for one run shows one of the possible texts: `cargo run -p two-returns -- order`

use std::error::Error;
use std::io::{Write, stdout};

use nix::sys::wait::{wait, waitpid};

/// The child prints `b` and `c`, the parent everything else.
fn order() -> Result<(), Box<dyn Error>> {
    print("a");
    let child = fork::fork(|| {
        print("b");
        print("c");
        0
    })?;
    print("d");
    waitpid(child, None)?;
    print("e");
    Ok(())
}

/// Both add to `number`.
fn memory() -> Result<(), Box<dyn Error>> {
    let mut number = 1;
    let child = fork::fork(|| {
        number += 1;
        print(number);
        0
    })?;
    number += 2;
    print(number);
    waitpid(child, None)?;
    print(number);
    Ok(())
}

/// A plain fork, and nothing that asks in which process it has returned. Then another one.
fn twice() -> Result<(), Box<dyn Error>> {
    print("a");
    // SAFETY: this program has one thread, so the child lacks no thread that could hold a lock.
    unsafe { nix::unistd::fork()? };
    print("b");
    // SAFETY: as above, and so it is in the child, which has one thread too.
    unsafe { nix::unistd::fork()? };
    print("c");
    // Each process waits for its own children. This prints nothing.
    while wait().is_ok() {}
    Ok(())
}

/// Prints something at once: nothing stays in a buffer. The grader decides who may go on.
fn print(text: impl std::fmt::Display) {
    gate::tell("print", format_args!("before {text}"));
    std::print!("{text}");
    let _ = stdout().flush();
    gate::tell("print", format_args!("after {text}"));
}

/// Runs the program that the argument names, or reports the predictions.
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("order") => order(),
        Some("memory") => memory(),
        Some("twice") => twice(),
        _ => {
            two_returns::ORDER.iter().for_each(|text| gate::tell("order", text));
            two_returns::MEMORY.iter().for_each(|text| gate::tell("memory", text));
            two_returns::TWICE.iter().for_each(|text| gate::tell("twice", text));
            Ok(())
        }
    }
}
