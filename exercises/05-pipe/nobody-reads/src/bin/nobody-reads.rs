//! The program of `nobody-reads`: sends lines to a worker that reads all, or one, or a part of one, or none.
//!
//! It sets SIGPIPE to its default action, as a C program has it. Rust's runtime ignores that signal before `main`. With
//! `ignored` or `handled` behind it, it ignores the signal or handles it.
//!
//! By hand: `cargo run -p nobody-reads -- all 10`, or `one 100000`, or `none 10 ignored`, or `part 1*3000000`: one line of
//! 3,000,000 bytes.

use std::io::{self, BufRead, BufReader, Read};
use std::process::ExitCode;

use nix::sys::signal::{SigHandler, Signal, signal};
use pipe::ReadEnd;
use wait::Child;

/// What lines are like if nothing is said, in bytes without the line feed.
const LINE_LEN: usize = 99;

/// A handler that does nothing.
extern "C" fn handle(_: i32) {}

/// Forks the worker, calls the reader's function, and prints what it says.
pub(crate) fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [reads, lines] => talk(reads, lines, "default"),
        [reads, lines, action] => talk(reads, lines, action),
        _ => Err(io::Error::other(
            "usage: nobody-reads all|one|part|none LINES[*BYTES] [default|ignored|handled]",
        )),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn talk(reads: &str, lines: &str, before: &str) -> io::Result<()> {
    let handler = match before {
        "ignored" => SigHandler::SigIgn,
        "handled" => SigHandler::Handler(handle),
        _ => SigHandler::SigDfl,
    };
    // SAFETY: the only handler is one that does nothing.
    unsafe { signal(Signal::SIGPIPE, handler) }?;
    let lines = lines_of(lines)?;
    let (from_parent, to_worker) = pipe::pipe()?;
    let (mut from_parent, mut to_worker) = (Some(from_parent), Some(to_worker));
    let mut worker = Child::fork(|| {
        drop(to_worker.take());
        from_parent.take().map_or(1, |lines| work(reads, lines))
    })
    .map_err(io::Error::other)?;
    drop(from_parent);
    let Some(mut to_worker) = to_worker else { return Ok(()) };
    if reads == "none" {
        worker.wait().map_err(io::Error::other)?;
    }
    match nobody_reads::send(&lines, &mut to_worker) {
        Ok(()) => println!("send says: all lines are written"),
        Err(error) => println!("send says: {}", error.kind()),
    }
    println!("SIGPIPE is {}", action()?);
    drop(to_worker);
    worker.wait().map_err(io::Error::other)?;
    Ok(())
}

/// Lines as the command line asks for: how many, and how long they are.
fn lines_of(word: &str) -> io::Result<Vec<String>> {
    let (count, len) = word.split_once('*').unwrap_or((word, ""));
    let count: usize = count.parse().map_err(io::Error::other)?;
    let digits = len.parse().unwrap_or(LINE_LEN).saturating_sub("line ".len());
    Ok((0..count)
        .map(|number| {
            let number = number.to_string();
            format!("line {}{number}", "0".repeat(digits.saturating_sub(number.len())))
        })
        .collect())
}

/// The worker: reads as many lines as it wants to, and ends.
fn work(reads: &str, mut lines: ReadEnd) -> i32 {
    if reads == "part" {
        let _ = lines.read(&mut [0]);
        gate::pass("had enough");
        return 0;
    }
    let mut lines = BufReader::new(lines).lines().map_while(Result::ok);
    match reads {
        "all" => gate::tell("read", lines.count()),
        "one" => {
            lines.next();
            gate::pass("had enough");
        }
        _ => {}
    }
    0
}

/// What this process does at SIGPIPE now, as the kernel says.
fn action() -> io::Result<&'static str> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let is_in = |set: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(set))
            .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .is_some_and(|mask| mask >> (Signal::SIGPIPE as u32 - 1) & 1 == 1)
    };
    Ok(match (is_in("SigIgn:"), is_in("SigCgt:"), is_in("SigBlk:")) {
        (false, false, false) => "at its default action",
        (true, ..) => "ignored",
        (_, true, _) => "handled",
        (_, _, true) => "blocked",
    })
}
