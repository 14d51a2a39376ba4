//! Measures how long groups of processes take to end by SIGTERM, and by SIGKILL after it.
//! Minutes: 6
//!
//! Run it with `cargo run --example term_then_kill`.
//! Look at whose file is left, and at what eight deaf children cost where one does.
#![forbid(unsafe_code)]

use signal::{EventLoop, Signal, Signals, lead_group};
use std::error::Error;
use std::fs::File;
use std::io::{Read, Write, pipe};
use std::path::Path;
use std::time::{Duration, Instant};
use wait::{Child, ExitStatus};

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_millis(800);

/// What a child does when it reads SIGTERM.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// Removes its file, and ends.
    Polite,
    /// Nothing.
    Deaf,
}
use Manner::{Deaf, Polite};

/// How long it took, and how many children ended in each way.
struct Ended {
    took: Duration,
    by_itself: usize,
    by_sigkill: usize,
    files_left: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("{:<24}{:<14}by themselves  by SIGKILL  files left", "", "ended after");
    let polite = run("eight polite", &[Polite; 8])?;
    let one_deaf = run("seven polite, one deaf", &[[Polite; 7].as_slice(), &[Deaf]].concat())?;
    let deaf = run("eight deaf", &[Deaf; 8])?;
    println!();
    let verdict = if polite.took < GRACE { "before" } else { "only after" };
    println!("the polite end {verdict} the time of grace is over");
    let waits = one_deaf.took >= GRACE && deaf.took >= GRACE;
    let shared = deaf.took < GRACE * 4;
    println!(
        "a deaf child {}, and eight take {}",
        if waits { "costs the whole time of grace" } else { "costs nothing" },
        if shared { "far less than eight times as long" } else { "many times as long" }
    );
    Ok(())
}

fn run(what: &str, manners: &[Manner]) -> Result<Ended, Box<dyn Error>> {
    let ended = end_all(manners)?;
    println!(
        "{what:<24}{:>6.0} ms {:>16}{:>12}{:>12}",
        ended.took.as_secs_f64() * 1e3,
        ended.by_itself,
        ended.by_sigkill,
        ended.files_left
    );
    Ok(ended)
}

fn end_all(manners: &[Manner]) -> Result<Ended, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut children = Vec::new();
    for (number, manner) in manners.iter().enumerate() {
        children.push(start(&folder.path().join(number.to_string()), *manner)?);
    }
    let begin = Instant::now();
    let statuses = signal::end(&mut children, GRACE)?;
    let took = begin.elapsed();
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    let killed = ExitStatus::Signaled { signal: Signal::SIGKILL as i32, core_dumped: false };
    Ok(Ended {
        took,
        by_itself: count(ExitStatus::Exited(0)),
        by_sigkill: count(killed),
        files_left: std::fs::read_dir(folder.path())?.count(),
    })
}

/// A child that leads its group, has a file, and reads SIGTERM.
fn start(file: &Path, manner: Manner) -> Result<Child, Box<dyn Error>> {
    let (mut ready, mut tell) = pipe()?;
    let child = Child::fork(move || {
        let mut work = || -> std::io::Result<()> {
            lead_group()?;
            let signals = Signals::block(&[Signal::SIGTERM])?;
            File::create(file)?;
            tell.write_all(&[0])?;
            serve(&signals, file, manner)
        };
        i32::from(work().is_err())
    })?;
    ready.read_exact(&mut [0])?;
    Ok(child)
}

fn serve(signals: &Signals, file: &Path, manner: Manner) -> std::io::Result<()> {
    let mut events = EventLoop::new()?;
    events.add(signals, ())?;
    loop {
        events.wait(None)?;
        if signals.read()?.is_some() && manner == Polite {
            return std::fs::remove_file(file);
        }
    }
}
