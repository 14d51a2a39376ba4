//! The program of `shared-permits`: some processes acquire a permit, are inside, and release it. Then its first process
//! does so alone.
//!
//! By hand: `cargo run -p shared-permits -- 2 4 100`: two permits for four processes, and then 100 times alone.
//! `cargo run -p shared-permits -- orders` runs threads in many orders of their steps.

use std::error::Error;
use std::process::ExitCode;
use std::sync::atomic::AtomicU32;

use gate::orders::{Body, Trouble, explore};
use gate::{Futex, Word};
use shared::Segment;
use shared_permits::{acquire, release};
use wait::Child;
use wake::futex;

/// Where the words lie in the segment, in bytes.
const PERMITS: usize = 0;
const SLEEPERS: usize = 64;

/// Asks the reader's functions, and prints what they do.
pub(crate) fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["orders"] => {
            in_many_orders();
            Ok(())
        }
        [permits, processes, rounds] => by_processes(permits, processes, rounds),
        _ => Err("usage: shared-permits PERMITS PROCESSES ROUNDS | orders".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn by_processes(permits: &str, processes: &str, rounds: &str) -> Result<(), Box<dyn Error>> {
    let (permits, processes, rounds) = (permits.parse()?, processes.parse()?, rounds.parse()?);
    gate::pass("start");
    let left = share(permits, processes, rounds);
    gate::pass("end");
    println!("permits at the end: {}", left?);
    Ok(())
}

fn share(count: u32, processes: usize, rounds: usize) -> Result<u32, Box<dyn Error>> {
    let segment = Segment::create("permits", 4096)?;
    let futex = Futex {
        wait: |word, expected| {
            // A signal or a change of the word ends the sleep too: who waits looks again.
            let _ = futex::wait(word, expected, None);
        },
        wake: futex::wake,
    };
    let permits = Word::in_memory("word", segment.at::<AtomicU32>(PERMITS)?, futex);
    let sleepers = Word::in_memory("word", segment.at::<AtomicU32>(SLEEPERS)?, futex);
    permits.store(count);
    let mut children = Vec::new();
    for _ in 0..processes {
        children.push(Child::fork(|| {
            gate::pass("ready");
            acquire(&permits, &sleepers);
            gate::pass("inside");
            release(&permits, &sleepers);
            0
        })?);
    }
    for child in &mut children {
        child.wait()?;
    }
    gate::tell("alone", rounds);
    for _ in 0..rounds {
        acquire(&permits, &sleepers);
        release(&permits, &sleepers);
    }
    Ok(permits.load())
}

/// The same two functions, in threads on words of a model.
fn in_many_orders() {
    let once = |words: &[Word<'_>]| inside(words, 1);
    let twice = |words: &[Word<'_>]| inside(words, 1).and_then(|()| inside(words, 1));
    let of_two = |words: &[Word<'_>]| inside(words, 2);
    let takes = |words: &[Word<'_>]| {
        acquire(&words[0], &words[1]);
        Ok(())
    };
    let gives_two = |words: &[Word<'_>]| {
        release(&words[0], &words[1]);
        release(&words[0], &words[1]);
        Ok(())
    };
    let found = explored(0, 0, &[&takes, &takes, &gives_two])
        .and_then(|()| explored(1, 1, &[&twice, &twice]))
        .and_then(|()| explored(1, 1, &[&once, &once, &once]))
        .and_then(|()| explored(2, 2, &[&of_two, &of_two, &of_two]));
    let says = match found {
        Ok(()) => "right\n\n".to_owned(),
        Err(trouble) => trouble.to_string(),
    };
    gate::tell("orders", &says);
    println!("in many orders: {says}");
}

/// So many permits at the start, and as many at the end.
fn explored(permits: u32, left: u32, bodies: &[Body<'_>]) -> Result<(), Trouble> {
    let words = [("permits", permits), ("sleepers", 0), ("inside", 0)];
    let all_are_back = |values: &[u32]| match values[0] {
        found if found == left => Ok(()),
        found => {
            Err(format!("at the end there should be {left} permits, and there are {found}"))
        }
    };
    explore(&words, bodies, all_are_back).map(drop)
}

/// Acquires, sees how many are inside, and releases.
fn inside(words: &[Word<'_>], permits: u32) -> Result<(), String> {
    acquire(&words[0], &words[1]);
    let others = words[2].fetch_add(1);
    if others >= permits {
        return Err(format!("{} are inside with {permits} permits", others + 1));
    }
    words[2].fetch_sub(1);
    release(&words[0], &words[1]);
    Ok(())
}
