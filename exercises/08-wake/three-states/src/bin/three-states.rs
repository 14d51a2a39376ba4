//! The program of `three-states`: some processes lock, are inside, and unlock. Then its first process does so alone.
//!
//! By hand: `cargo run -p three-states -- 3 100`: three processes, and then 100 times alone.
//! `cargo run -p three-states -- orders` runs threads in many orders of their steps.

use std::error::Error;
use std::process::ExitCode;
use std::sync::atomic::AtomicU32;

use gate::orders::{Body, Trouble, explore};
use gate::{Futex, Word};
use shared::Segment;
use three_states::{lock, unlock};
use wait::Child;
use wake::futex;

/// Asks the reader's functions, and prints what they do.
pub(crate) fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["orders"] => {
            in_many_orders();
            Ok(())
        }
        [processes, rounds] => by_processes(processes, rounds),
        _ => Err("usage: three-states PROCESSES ROUNDS | orders".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn by_processes(processes: &str, rounds: &str) -> Result<(), Box<dyn Error>> {
    let (processes, rounds) = (processes.parse()?, rounds.parse()?);
    gate::pass("start");
    let done = take_turns(processes, rounds);
    gate::pass("end");
    done
}

fn take_turns(processes: usize, rounds: usize) -> Result<(), Box<dyn Error>> {
    let segment = Segment::create("lock", 4096)?;
    let futex = Futex {
        wait: |word, expected| {
            // A signal or a change of the word ends the sleep too: who waits looks again.
            let _ = futex::wait(word, expected, None);
        },
        wake: futex::wake,
    };
    let word = Word::in_memory("word", segment.at::<AtomicU32>(0)?, futex);
    let mut children = Vec::new();
    for _ in 0..processes {
        children.push(Child::fork(|| {
            gate::pass("ready");
            lock(&word);
            gate::pass("inside");
            unlock(&word);
            0
        })?);
    }
    for child in &mut children {
        child.wait()?;
    }
    gate::tell("alone", rounds);
    for _ in 0..rounds {
        lock(&word);
        unlock(&word);
    }
    println!("{processes} processes had the lock, and one had it {rounds} times alone");
    Ok(())
}

/// The same two functions, in threads on words of a model.
fn in_many_orders() {
    let once = |words: &[Word<'_>]| inside(&words[0], &words[1]);
    let twice = |words: &[Word<'_>]| {
        inside(&words[0], &words[1])?;
        inside(&words[0], &words[1])
    };
    let says = match explored(&[&twice, &twice]).and_then(|()| explored(&[&once, &once, &once]))
    {
        Ok(()) => "right\n\n".to_owned(),
        Err(trouble) => trouble.to_string(),
    };
    gate::tell("orders", &says);
    println!("in many orders: {says}");
}

fn explored(bodies: &[Body<'_>]) -> Result<(), Trouble> {
    explore(&[("lock", 0), ("inside", 0)], bodies, |_| Ok(())).map(drop)
}

/// Locks, sees whether it is alone, and unlocks.
fn inside(word: &Word<'_>, inside: &Word<'_>) -> Result<(), String> {
    lock(word);
    let others = inside.fetch_add(1);
    if others != 0 {
        return Err("two have the lock at the same time".to_owned());
    }
    inside.fetch_sub(1);
    unlock(word);
    Ok(())
}
