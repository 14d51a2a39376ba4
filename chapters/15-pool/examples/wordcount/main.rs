//! Counts the words of large files in worker processes that all read the same memory.
//! Minutes: 10
//!
//! `cargo run --release --example wordcount -- [FILES or FOLDERS] [--top N] [--workers N] [--check]`; without a file it
//! counts a text that it makes up, of 4 MiB or `--megabytes N`. Look at the last line of a run with `--check`. Meanwhile
//! look at `grep -A4 'shared slice' /proc/PID/smaps` of two workers: both have the whole text, from the same inode, and of
//! it no more in memory (Rss) than each has read for its task.
#![forbid(unsafe_code)]

mod text;
mod words;

use anyhow::{Context, Result};
use clap::Parser;
use procpool::{Pool, SharedSlice, TaskError};
use std::io::{self, ErrorKind, Write, stderr, stdout};
use std::num::NonZero;
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use text::Texts;
use words::Counts;

/// A task has at least so many bytes of text, if there are as many.
const PART_BYTES_MIN: usize = 64 << 10;
/// And at most about so many.
const PART_BYTES_MAX: usize = 4 << 20;

/// Prints the most frequent words of some files.
#[derive(Parser)]
struct Arguments {
    /// Files, and folders with files in them; if not given, a text is made up
    paths: Vec<PathBuf>,
    /// How many words are shown
    #[arg(long, default_value_t = 10)]
    top: usize,
    /// How many processes count [default: one for each processor that they may use]
    #[arg(long)]
    workers: Option<NonZero<u16>>,
    /// Count once more in this process alone, and compare
    #[arg(long)]
    check: bool,
    /// How large the made-up text is, in MiB
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    megabytes: u32,
}

fn main() -> ExitCode {
    procpool::init();
    match run(&Arguments::parse()) {
        Ok(code) => code,
        // Nobody reads on. This is what a shell shows of a program that SIGPIPE has ended.
        Err(error) if is_closed(&error) => ExitCode::from(128 + 13),
        Err(error) => {
            let _ = writeln!(stderr(), "wordcount: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn is_closed(error: &anyhow::Error) -> bool {
    let source = error.downcast_ref::<io::Error>();
    source.is_some_and(|source| source.kind() == ErrorKind::BrokenPipe)
}

// ANCHOR: count
/// The task: counts the words of a part of the text. What travels to the worker is a descriptor
/// and two numbers, whatever the length of the text.
fn count_part((text, part): (SharedSlice<u8>, Range<usize>)) -> Counts {
    words::count(&text[part])
}

/// Counts the words of a text: each worker a part, and this process puts their counts together.
fn count_all(pool: &Pool, text: &SharedSlice<u8>, workers: usize) -> Result<Counts, TaskError> {
    // Several parts for each worker, so that none of them waits long for the last one.
    let part_len = (text.len() / (4 * workers)).clamp(PART_BYTES_MIN, PART_BYTES_MAX);
    let parts = words::split(text, part_len).map(|part| (text.clone(), part));
    let mut counts = Counts::new();
    for (_, result) in pool.map_unordered(count_part, parts) {
        words::merge(&mut counts, result?);
    }
    Ok(counts)
}
// ANCHOR_END: count

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut builder = Pool::builder().name("wordcount");
    if let Some(workers) = arguments.workers {
        builder = builder.workers(workers.get().into());
    }
    // To count twice what is counted once does no harm: the counts of a worker that died were never added.
    let pool = builder.retries(1).build().context("cannot start the workers")?;
    let workers = pool.stats().workers.len();

    let mut texts = match arguments.paths.as_slice() {
        [] => Texts::made_up((arguments.megabytes as usize) << 20),
        paths => Texts::of_files(paths),
    };
    let (mut counts, mut alone) = (Counts::new(), Counts::new());
    while let Some(text) = texts.next_text()? {
        words::merge(&mut counts, count_all(&pool, &text, workers)?);
        if arguments.check {
            words::merge(&mut alone, words::count(&text));
        }
    }

    let mut out = io::BufWriter::new(stdout().lock());
    for (word, count) in words::top(&counts, arguments.top) {
        writeln!(out, "{count:10}  {word}")?;
    }
    let total: u64 = counts.values().sum();
    writeln!(out, "{total:10}  words, {} different ones", counts.len())?;
    let is_right = !arguments.check || counts == alone;
    if arguments.check {
        let verdict = if is_right { "the same" } else { "something else" };
        writeln!(out, "one process alone counts {verdict}")?;
    }
    out.flush()?;
    for (path, error) in texts.failed() {
        writeln!(stderr(), "wordcount: {}: {error}", path.display())?;
    }
    let failed = !is_right || !texts.failed().is_empty();
    Ok(ExitCode::from(u8::from(failed)))
}
