//! Shows six ways in which a task ends its worker, and who is told: the task's own program, or only its parent.
//! Minutes: 5
//!
//! `cargo run --example deaths`
//! Look at which of them `catch_unwind` sees, and which destructors run.

use anyhow::{Context, Result};
use nix::sys::prctl::set_dumpable;
use nix::sys::signal::{Signal, raise};
use std::io::{PipeWriter, Read, Write, pipe};
use std::panic::{catch_unwind, set_hook};
use std::process::{abort, exit};
use wait::Child;

/// What a task may do to the process that runs it.
const WAYS: [(&str, fn()); 6] = [
    ("returns", || {}),
    ("panics", || panic!("a bug")),
    ("calls exit(0)", || exit(0)),
    ("calls abort()", || abort()),
    ("touches bad memory", || signal_to_self(Signal::SIGSEGV)),
    ("kill -9 from outside", || signal_to_self(Signal::SIGKILL)),
];

fn main() -> Result<()> {
    println!("{:<22} {:<14} {:<12} the parent sees", "the task", "catch_unwind", "destructor");
    for (way, task) in WAYS {
        let (mut reader, writer) = pipe()?;
        let mut writer = Some(writer);
        let mut child = Child::fork(|| writer.take().map_or(1, |writer| worker(writer, task)))
            .context("no process could be forked")?;
        drop(writer);
        let mut said = String::new();
        reader.read_to_string(&mut said)?;
        let status = child.wait()?;
        println!(
            "{way:<22} {:<14} {:<12} {status}",
            said_or_nothing(&said, &["returned", "caught"]),
            said_or_nothing(&said, &["ran"])
        );
    }
    Ok(())
}

fn worker(mut told: PipeWriter, task: fn()) -> i32 {
    // These deaths are wanted: no core file, no message.
    let _ = set_dumpable(false);
    set_hook(Box::new(|_| {}));
    let guard = Guard(told.try_clone().ok());
    let result = catch_unwind(move || {
        let _guard = guard;
        task();
    });
    let _ = told.write_all(if result.is_ok() { b"returned " } else { b"caught " });
    0
}

struct Guard(Option<PipeWriter>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(told) = &mut self.0 {
            let _ = told.write_all(b"ran ");
        }
    }
}

fn signal_to_self(signal: Signal) {
    // Rust's handler for stack overflows is told of the first SIGSEGV, and puts the default back.
    while raise(signal).is_ok() {}
}

fn said_or_nothing<'a>(said: &str, words: &[&'a str]) -> &'a str {
    words.iter().find(|word| said.contains(**word)).copied().unwrap_or("-")
}
