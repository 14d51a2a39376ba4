//! Shows what a child has of its parent's dealings with signals, after a fork and after an exec.
//! Minutes: 6
//!
//! Run it with `cargo run --example deaf_child`.
//! Look at which column differs in each line, and at the child that SIGTERM does not end.

use nix::sys::signal::{SigHandler, raise, signal};
use nix::unistd::{execv, pause};
use signal::{Signal, SignalSets, Signals};
use std::error::Error;
use std::ffi::CString;
use std::io::{PipeReader, Read, Write, pipe};
use wait::Child;

/// A signal, what the parent does with it, and the name of the set to look into.
const ROWS: [(Signal, &str); 4] = [
    (Signal::SIGTERM, "blocked"),
    (Signal::SIGHUP, "pending"),
    (Signal::SIGUSR1, "ignored"),
    (Signal::SIGUSR2, "caught"),
];

extern "C" fn handle(_: i32) {}

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        None => parent(),
        Some("--after-exec") => {
            println!("{}", look()?);
            Ok(())
        }
        Some(_) => Err("give no arguments; the program passes itself the one it needs".into()),
    }
}

fn parent() -> Result<(), Box<dyn Error>> {
    let signals = Signals::block(&[Signal::SIGTERM, Signal::SIGHUP])?;
    raise(Signal::SIGHUP)?;
    // SAFETY: ignoring runs no code.
    unsafe { signal(Signal::SIGUSR1, SigHandler::SigIgn)? };
    // SAFETY: the handler does nothing, which is always allowed.
    unsafe { signal(Signal::SIGUSR2, SigHandler::Handler(handle))? };

    let here = look()?;
    let forked = answer_of(|| print(look()))?;
    let executed = answer_of(|| {
        let program = CString::new("/proc/self/exe").unwrap_or_default();
        let flag = CString::new("--after-exec").unwrap_or_default();
        let Err(errno) = execv(&program, &[&program, &flag]);
        eprintln!("exec: {errno}");
        1
    })?;
    println!("{:<16}{:<10}{:<12}after fork and exec", "", "parent", "after fork");
    for (row, (signal, what)) in ROWS.iter().enumerate() {
        let [here, forked, executed] =
            [&here, &forked, &executed].map(|it| it.split(' ').nth(row).unwrap_or("?").trim());
        println!("{:<16}{here:<10}{forked:<12}{executed}", format!("{signal} {what}"));
    }
    // Pending here; read, so that it does not end this program.
    while signals.read()?.is_some() {}
    deaf()
}

/// A child that unblocks nothing, and one that does.
fn deaf() -> Result<(), Box<dyn Error>> {
    println!();
    for unblocks in [false, true] {
        let (mut ready, mut tell) = pipe()?;
        let mut child = Child::fork(|| {
            if (unblocks && signal::unblock_all().is_err()) || tell.write_all(&[0]).is_err() {
                return 1;
            }
            pause();
            0
        })?;
        ready.read_exact(&mut [0])?;
        child.kill(Signal::SIGTERM)?;
        if unblocks {
            println!("a child that unblocks all ends by SIGTERM: {}", child.wait()?);
            continue;
        }
        let is_pending = SignalSets::of(child.pid())?.pending.contains(Signal::SIGTERM);
        let where_it_is = if is_pending { "pending" } else { "nowhere" };
        let runs = if child.try_wait()?.is_none() { "runs on" } else { "has ended" };
        println!("a child as it was forked {runs}: SIGTERM is {where_it_is}");
        child.kill(Signal::SIGKILL)?;
        println!("nobody can block SIGKILL: {}", child.wait()?);
    }
    Ok(())
}

/// For each row, whether it is so in this process.
fn look() -> Result<String, Box<dyn Error>> {
    let sets = SignalSets::this()?;
    let answers = ROWS.map(|(signal, what)| {
        let set = match what {
            "blocked" => sets.blocked,
            "pending" => sets.pending,
            "ignored" => sets.ignored,
            _ => sets.caught,
        };
        if set.contains(signal) { "yes" } else { "no" }
    });
    Ok(answers.join(" "))
}

fn print(answer: Result<String, Box<dyn Error>>) -> i32 {
    answer.map_or(1, |answer| {
        println!("{answer}");
        0
    })
}

/// What a child prints, through a pipe in the place of its standard output.
fn answer_of(child: impl FnOnce() -> i32) -> Result<String, Box<dyn Error>> {
    let (mut reader, writer): (PipeReader, _) = pipe()?;
    let mut child =
        Child::fork(
            move || {
                if nix::unistd::dup2_stdout(&writer).is_err() { 1 } else { child() }
            },
        )?;
    let mut answer = String::new();
    reader.read_to_string(&mut answer)?;
    child.wait()?;
    Ok(answer)
}
