//! What the experiments have in common: their command line, their progress, the form of their result.
//!
//! Each claim has a program of its own in `src/bin`, so that an experiment has one thread and no memory but its own when
//! it begins, and harms no other one when it fails. The program is called as its claim, with `_` for `-`:
//!
//! ```sh
//! cargo run --release -p experiments --bin cpu_bound
//! ```
//!
//! With `--json` it writes [`claims::Message`]s, a line each, for `cargo run -- measure`.
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
pub mod apart;
#[cfg(target_os = "linux")]
pub mod compute;
#[cfg(target_os = "linux")]
pub mod group;
mod python;

pub use python::python;

use anyhow::{Context, Result};
use claims::{Fact, Finding, Message, Plot, Scale, Verdict};
use clap::Parser;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

#[derive(Parser)]
struct Arguments {
    /// Measure only enough to see the shape.
    #[arg(long)]
    small: bool,
    /// Write progress and finding as JSON, a line each.
    #[arg(long)]
    json: bool,
}

/// A running experiment: how large it shall be, and how far it is.
#[derive(Debug)]
pub struct Trial {
    /// How large.
    pub scale: Scale,
    json: bool,
}

/// What an experiment has measured, and what it makes of it.
#[derive(Debug)]
pub struct Measured {
    /// What becomes of the claim.
    pub verdict: Verdict,
    /// Why, in one or two sentences that are made from the figures.
    pub because: String,
    /// The curves, the most telling one first.
    pub plots: Vec<Plot>,
    /// What is no curve: a name and a value with its unit.
    pub facts: Vec<Fact>,
    /// What was left out or cut down on this machine, each with its reason and the way out.
    pub notes: Vec<String>,
}

impl Trial {
    /// `full` or `small`, by the scale of this run.
    pub fn pick<T>(&self, full: T, small: T) -> T {
        match self.scale {
            Scale::Full => full,
            Scale::Small => small,
        }
    }

    /// Says how far the experiment is, from 0.0 to 1.0.
    pub fn progress(&self, done: f64) {
        if self.json {
            // Whoever asked may have gone; then the finding will say so.
            let _ = write_message(&Message::Progress(done.clamp(0.0, 1.0)));
        }
    }
}

/// The whole program of the experiment `id`: reads the command line, measures, prints. The exit code is 0 for every
/// verdict, also for an undecided one, and 1 if the experiment itself failed.
pub fn run(id: &str, experiment: impl FnOnce(&Trial) -> Result<Measured>) -> ExitCode {
    let arguments = Arguments::parse();
    let scale = if arguments.small { Scale::Small } else { Scale::Full };
    let trial = Trial { scale, json: arguments.json };
    no_cores();
    trial.progress(0.0);
    let begun = Instant::now();
    let shown = experiment(&trial).and_then(|measured| {
        let Measured { verdict, because, plots, facts, notes } = measured;
        let took_s = begun.elapsed().as_secs_f64();
        let finding =
            Finding { id: id.to_owned(), verdict, because, plots, facts, notes, took_s };
        if arguments.json {
            return write_message(&Message::Finding(Box::new(finding)));
        }
        print(&finding).context("cannot write the finding to standard output")
    });
    match shown {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{id}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Some processes of the experiments die on purpose. Nobody wants to see their memory in a file.
fn no_cores() {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::resource::{Resource, getrlimit, setrlimit};
        // If it cannot be had, there may be core files: a pity, but no reason not to measure.
        let _ = getrlimit(Resource::RLIMIT_CORE)
            .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_CORE, 0, hard));
    }
}

/// A fact, from a name and whatever can be shown.
pub fn fact(name: impl Into<String>, value: impl ToString) -> Fact {
    Fact { name: name.into(), value: value.to_string() }
}

/// A count with its noun: `1 worker`, `2 workers`.
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn write_message(message: &Message) -> Result<()> {
    let mut line = serde_json::to_vec(message).context("cannot write a message as JSON")?;
    line.push(b'\n');
    io::stdout().lock().write_all(&line).context("cannot write to standard output")
}

fn print(finding: &Finding) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if let Some(claim) = claims::claim(&finding.id) {
        writeln!(out, "{}", claim.sentence)?;
    }
    writeln!(out, "{}: {}", finding.verdict, finding.because)?;
    for fact in &finding.facts {
        writeln!(out, "  {}: {}", fact.name, fact.value)?;
    }
    for plot in &finding.plots {
        writeln!(out, "\n{} ({})", plot.title, plot.y.unit)?;
        for series in &plot.series {
            writeln!(out, "  {}", series.name)?;
            for point in &series.points {
                match plot.categories.get(point.x as usize) {
                    Some(category) => writeln!(out, "    {category:>20} {:>14.3}", point.y)?,
                    None => writeln!(
                        out,
                        "    {:>14} {:<8} {:>14.3}",
                        point.x, plot.x.unit, point.y
                    )?,
                }
            }
        }
    }
    for note in &finding.notes {
        writeln!(out, "note: {note}")?;
    }
    Ok(())
}
