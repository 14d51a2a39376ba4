//! The program of `missed-letter`: one process takes a letter out of the box, and its child puts it in.
//!
//! By hand: `cargo run -p missed-letter -- 7`, and with `rung` behind it the child rings once without a letter before.
//! With `stepwise` the grader can stop each side before each use of a word.
//! `cargo run -p missed-letter -- orders` runs both sides in many orders of their steps.

use std::error::Error;
use std::process::ExitCode;
use std::sync::atomic::AtomicU32;

use gate::orders::{Body, explore};
use gate::{Futex, Word};
use missed_letter::{put, take};
use shared::Segment;
use wait::Child;
use wake::futex;

/// Where the words lie in the segment, in bytes.
const LETTER: usize = 0;
const BELL: usize = 64;

/// The letter of the many orders.
const TEXT: u32 = 7;

/// Asks the reader's functions, and prints what they say.
pub(crate) fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["orders"] => {
            in_many_orders();
            Ok(())
        }
        [text] => by_two_processes(text, ""),
        [text, how @ ("rung" | "stepwise")] => by_two_processes(text, how),
        _ => Err("usage: missed-letter NUMBER [rung|stepwise] | orders".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn by_two_processes(text: &str, how: &str) -> Result<(), Box<dyn Error>> {
    let text: u32 = text.parse()?;
    gate::pass("start");
    let taken = exchange(text, how);
    gate::pass("end");
    println!("{}", taken?);
    Ok(())
}

fn exchange(text: u32, how: &str) -> Result<u32, Box<dyn Error>> {
    let segment = Segment::create("letter-box", 4096)?;
    let futex = Futex {
        wait: |word, expected| {
            // A signal or a change of the word ends the sleep too: who waits looks again.
            let _ = futex::wait(word, expected, None);
        },
        wake: futex::wake,
    };
    let word = if how == "stepwise" { Word::stepwise } else { Word::in_memory };
    let letter = word("word", segment.at::<AtomicU32>(LETTER)?, futex);
    let bell = word("word", segment.at::<AtomicU32>(BELL)?, futex);
    let mut child = Child::fork(|| {
        gate::pass("ready");
        if how == "rung" {
            bell.fetch_add(1);
            bell.wake(1);
            gate::pass("ready");
        }
        put(&letter, &bell, text);
        0
    })?;
    gate::pass("ready");
    let taken = take(&letter, &bell);
    child.wait()?;
    Ok(taken)
}

/// The same two functions, in threads on words of a model.
fn in_many_orders() {
    let takes = |words: &[Word<'_>]| match take(&words[0], &words[1]) {
        TEXT => Ok(()),
        other => Err(format!("the letter was {TEXT}, and {other} was taken")),
    };
    let puts = |words: &[Word<'_>]| {
        put(&words[0], &words[1], TEXT);
        Ok(())
    };
    let rings = |words: &[Word<'_>]| {
        words[1].fetch_add(1);
        words[1].wake(1);
        Ok(())
    };
    let pair: [Body<'_>; 2] = [&takes, &puts];
    let three: [Body<'_>; 3] = [&takes, &puts, &rings];
    let words = [("letter", 0), ("bell", 0)];
    let is_empty = |values: &[u32]| match values[0] {
        0 => Ok(()),
        left => Err(format!("the letter was taken, and {left} is in the box")),
    };
    let found = explore(&words, &pair, is_empty)
        .and_then(|runs| Ok(runs + explore(&words, &three, is_empty)?));
    let says = match found {
        Ok(_) => "right\n\n".to_owned(),
        Err(trouble) => trouble.to_string(),
    };
    gate::tell("orders", &says);
    println!("in many orders (A takes, B puts, C only rings): {says}");
}
