//! Shows what a parent learns about the end of a child, and what a shell makes of it.
//! Minutes: 5
//!
//! Run it with `cargo run --example exit_codes`.
//! Look at the two numbers that do not arrive as they were sent, and at the two ends that a shell cannot tell apart.

use nix::sys::signal::raise;
use std::error::Error;
use std::process::{Command, Stdio};
use wait::{Child, Signal};

fn main() -> Result<(), Box<dyn Error>> {
    for code in [0, 3, 137, 256, -1] {
        let status = Child::fork(move || code)?.wait()?;
        println!("parent: a child returned {code:4}     the kernel says: {status}");
    }
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let status = Child::fork(move || die_of(signal))?.wait()?;
        println!("parent: a child died of {signal}   the kernel says: {status}");
    }
    println!();
    for end in ["exit 137", "kill -KILL $$"] {
        println!("shell: after `{end}` in a child, `echo $?` prints {}", shell_code(end)?);
    }
    Ok(())
}

/// Comes back only if whoever started this program ignores the signal: children inherit that.
fn die_of(signal: Signal) -> i32 {
    match raise(signal) {
        Ok(()) => println!("child: {signal} is ignored here"),
        Err(error) => println!("child: {signal}: {error}"),
    }
    1
}

/// What `$?` is in a shell after a child of that shell came to this end.
fn shell_code(end: &str) -> Result<String, Box<dyn Error>> {
    let script = format!("sh -c '{end}'; echo $?");
    // Shells announce "Killed" on standard error.
    let output = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
