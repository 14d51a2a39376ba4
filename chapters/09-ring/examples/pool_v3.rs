//! Pool v3: the work of pool v1, by workers behind rings and doorbells.
//! Minutes: 15
//!
//! `cargo run --release --example pool_v3 -- [-j WORKERS] [FOLDER]...`; without a folder, the chapters of this book.
//! Standard output is that of `sha256sum`. Look at `ls -l /proc/PID/fd` of a worker meanwhile: there is no pipe.

mod ring_pool;
#[path = "../../05-pipe/examples/sha256sum/mod.rs"]
mod sha256sum;

use anyhow::{Context, Result};
use bstr::ByteSlice;
use ring_pool::Pool;
use sha256sum::{FILES_MAX, line, sha256, sha256_each};
use std::io::{ErrorKind::BrokenPipe, Write, stderr, stdout};
use std::{iter::zip, num::NonZero, process::ExitCode, time::Instant};
use std::{os::unix::ffi::OsStringExt, path::Path, path::PathBuf};
use walkdir::WalkDir;

/// Tasks of one worker: one at work, and one behind it, so that it does not wait for the parent.
const AHEAD: usize = 2;

/// Prints the SHA-256 of every regular file in the folders, as sha256sum does.
#[derive(clap::Parser)]
struct Arguments {
    /// How many processes work; if not given, one for each processor that they may use
    #[arg(short = 'j')]
    workers: Option<NonZero<usize>>,
    #[arg(default_values_os_t = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from))]
    folders: Vec<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let Arguments { workers, folders } = clap::Parser::parse();
    let (mut names, mut errors, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    for entry in folders.iter().flat_map(|folder| WalkDir::new(folder).sort_by_file_name()) {
        match entry {
            Ok(entry) if !entry.file_type().is_file() => {}
            Ok(entry) => names.push(entry.into_path().into_os_string().into_vec()),
            Err(error) => errors.push(error.to_string()),
        }
    }
    let workers = workers.map_or(process::cpus().recommended, NonZero::get).min(names.len());
    let files = names.len().div_ceil(8 * workers.max(1)).clamp(1, FILES_MAX);
    let tasks: Vec<_> = names.chunks(files).map(|names| names.join(&0)).collect();
    let start = Instant::now();
    let mut pool = Pool::fork(workers, AHEAD, sha256_each)
        .context("cannot start the workers: lower -j, or raise `ulimit -n` or `ulimit -u`")?;
    let bar = indicatif::ProgressBar::new(tasks.len() as u64);
    let answers = pool.map(&tasks, || bar.inc(1))?.join(&b'\n');
    bar.finish_and_clear();
    let by_pool = start.elapsed().as_secs_f64();
    for (name, answer) in zip(&names, answers.split(|byte| *byte == b'\n')) {
        match answer.strip_prefix(b"!") {
            None => lines.extend(line(name, answer)),
            Some(why) => errors.push(format!("{:?}: {}", name.as_bstr(), why.as_bstr())),
        }
    }
    match stdout().write_all(&lines) {
        // Nobody reads on. This is what a shell shows of a program that SIGPIPE has ended.
        Err(error) if error.kind() == BrokenPipe => return Ok(ExitCode::from(128 + 13)),
        written => written?,
    }
    errors.iter().try_for_each(|error| writeln!(stderr(), "pool_v3: {error}"))?;
    pool.end()?;

    // The pool went first: what had to come from the disk is in memory now, for this pass.
    let start = Instant::now();
    names.iter().for_each(|name| drop(sha256(name)));
    let alone = start.elapsed().as_secs_f64();
    let times = format!("{by_pool:.2} s, then one process: {alone:.2} s");
    writeln!(stderr(), "{} files; {workers} workers: {times}", names.len())?;
    Ok(ExitCode::from(u8::from(!errors.is_empty())))
}
