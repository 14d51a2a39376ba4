//! The program of `three-leaks`: lets the reader's function ask a worker of a certain kind.
//!
//! By hand: `cargo run -p three-leaks -- answers`, or `fails`, `babbles`, `blurts`, `chatters`, `stays`

use std::io::{PipeWriter, Write};
use std::process::ExitCode;

use nix::unistd::{alarm, pause};

/// After how many seconds a process that stays is ended by its own alarm.
const SAFETY_S: u32 = 300;

/// Asks one worker, and prints the answer.
pub(crate) fn main() -> ExitCode {
    let worker = match std::env::args().nth(1).as_deref() {
        Some("answers") => answers,
        Some("fails") => fails,
        Some("babbles") => babbles,
        Some("blurts") => blurts,
        Some("chatters") => chatters,
        Some("stays") => stays,
        _ => {
            eprintln!("usage: three-leaks answers|fails|babbles|blurts|chatters|stays");
            return ExitCode::FAILURE;
        }
    };
    gate::pass("start");
    let answer = three_leaks::ask(worker);
    gate::pass("end");
    match answer {
        Ok(number) => println!("{number}"),
        Err(error) => println!("error: {error}"),
    }
    ExitCode::SUCCESS
}

/// Does what it should, with a line that is as long as it may be.
fn answers(pipe: PipeWriter) -> i32 {
    say(pipe, "0000000000000042\n");
    gate::pass("answered");
    gate::tell("done", "");
    0
}

/// Says a number and ends with code 3, because it could not finish its work.
fn fails(pipe: PipeWriter) -> i32 {
    say(pipe, "42\n");
    gate::pass("answered");
    gate::tell("done", "");
    3
}

/// Says what is no number, and ends.
fn babbles(pipe: PipeWriter) -> i32 {
    say(pipe, "many\n");
    0
}

/// Says more than a line may have, and ends. The digits are a number: all of them, and the first of them too.
fn blurts(pipe: PipeWriter) -> i32 {
    say(pipe, &format!("{}7", "0".repeat(39)));
    0
}

/// Says more than a line may have, and is not done.
fn chatters(pipe: PipeWriter) -> i32 {
    say(pipe, &"0".repeat(40));
    for_ever()
}

/// Says what is no number, and is not done.
fn stays(pipe: PipeWriter) -> i32 {
    say(pipe, "wait\n");
    for_ever()
}

/// Writes and closes. That nobody reads it to its end is none of the worker's business.
fn say(mut pipe: PipeWriter, text: &str) {
    let _ = pipe.write_all(text.as_bytes());
}

fn for_ever() -> ! {
    // Run by hand, it is ended by nobody else if it is forgotten.
    alarm::set(SAFETY_S);
    loop {
        pause();
    }
}
