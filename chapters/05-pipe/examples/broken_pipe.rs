//! Shows what a writer gets whose reader is gone: an error, or SIGPIPE, and who decides which.
//! Minutes: 6
//!
//! Run it with `cargo run --example broken_pipe`.
//! Look at how the same `echo` ends under the same write, twice in two ways.

use pipe::{WriteEnd, pipe};
use std::error::Error;
use std::fs::read_to_string;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio, id};
use wait::Child;

fn main() -> Result<(), Box<dyn Error>> {
    let ignored = ignores_sigpipe(&read_to_string("/proc/self/status")?)?;
    println!(
        "process {}: SIGPIPE is {}",
        id(),
        if ignored { "ignored" } else { "not ignored" }
    );
    let mut writer = without_reader()?;
    let mut child = Child::fork(|| match writer.write(b"hello") {
        Ok(len) => {
            println!("child {}: write took {len}", id());
            0
        }
        Err(error) => {
            println!("child {}: write failed: {error}; it goes on", id());
            1
        }
    })?;
    println!("process {}: child {}: {}", id(), child.pid(), child.wait()?);

    shell("a shell, started by std::process::Command", "echo hello")?;
    shell("a shell that has SIGPIPE ignored", "trap '' PIPE; echo hello")?;
    Ok(())
}

/// A pipe that nobody reads.
fn without_reader() -> std::io::Result<WriteEnd> {
    let (reader, writer) = pipe()?;
    drop(reader);
    Ok(writer)
}

/// Runs a shell that writes into a pipe that nobody reads. Its own `echo` is the same in every shell, but for the words
/// of its complaint, which go nowhere.
fn shell(what: &str, commands: &str) -> Result<(), Box<dyn Error>> {
    let mut shell = Command::new("sh");
    shell.args(["-c", commands]).stdin(Stdio::null()).stderr(Stdio::null());
    let status = shell.stdout(OwnedFd::from(without_reader()?)).status()?;
    println!("{what}: {status}");
    Ok(())
}

/// Whether bit 13 - 1 of the mask of ignored signals is set (man 5 proc_pid_status, `SigIgn`).
fn ignores_sigpipe(status: &str) -> Result<bool, Box<dyn Error>> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = u64::from_str_radix(mask.ok_or("no SigIgn in /proc/self/status")?.trim(), 16)?;
    Ok(mask & 1 << (nix::sys::signal::SIGPIPE as i32 - 1) != 0)
}
