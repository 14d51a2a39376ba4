//! Shrinks a folder of images in worker processes; a broken image or a killed worker stops nobody.
//! Minutes: 10
//!
//! `cargo run --release --example thumbs -- [FOLDER] [--out DIR] [--workers N] [--size PX] [--kill-workers]`; without a
//! folder it makes images of its own, four of them broken. Look at what failed and what did not, and at the line that
//! `--kill-workers` adds. Meanwhile `kill -9` a worker yourself, or press Ctrl-C.
#![forbid(unsafe_code)]

mod plan;
mod samples;
mod shrink;

use anyhow::{Context, Result};
use clap::Parser;
use plan::Plan;
use procpool::{Pool, Shutdown, TaskError};
use shrink::{Thumb, shrink};
use signal::{EventLoop, Signal, SignalSets, Signals, Waker};
use std::io::{self, ErrorKind, Write, stderr, stdout};
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// How long one image may take.
const IMAGE_MAX: Duration = Duration::from_secs(120);

/// What ends the program early, unless it was started with the signal ignored.
const ENDINGS: [Signal; 3] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM];

/// Nothing could be begun. That some images failed is 1.
const FAILED_CODE: u8 = 2;

/// Makes a thumbnail of every PNG and JPEG image in a folder. No file that exists is changed.
#[derive(Parser)]
struct Arguments {
    /// Where the images are; if not given, images are made in a temporary folder
    folder: Option<PathBuf>,
    /// Where the thumbnails go, under the names of the images [default: thumbs]
    #[arg(long)]
    out: Option<PathBuf>,
    /// How many processes work [default: one for each processor that they may use]
    #[arg(long)]
    workers: Option<NonZero<u16>>,
    /// How wide and how high a thumbnail is at most, in pixels
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=16_384))]
    size: u32,
    /// Let every third image kill its worker in the middle of writing, by SIGKILL
    #[arg(long)]
    kill_workers: bool,
}

fn main() -> ExitCode {
    procpool::init();
    let ended = run(&Arguments::parse()).and_then(|(report, signal)| {
        if let Some(signal) = signal {
            // It has its default action again, so this ends the program, and the shell sees by what.
            nix::sys::signal::raise(signal)?;
        }
        Ok(report)
    });
    match ended {
        Ok(code) => code,
        Err(error) => {
            // Whoever closed standard error does not want to know.
            let _ = writeln!(stderr(), "thumbs: {error:#}");
            ExitCode::from(FAILED_CODE)
        }
    }
}

/// The whole run. Its temporary folders are gone when it returns, also if a signal came.
fn run(arguments: &Arguments) -> Result<(ExitCode, Option<Signal>)> {
    let ignored = SignalSets::this()?.ignored;
    let endings = ENDINGS.into_iter().filter(|signal| !ignored.contains(*signal));
    // Before the first thread and the first temporary folder.
    let signals = Signals::block(&endings.collect::<Vec<_>>())?;

    let samples = match &arguments.folder {
        Some(_) => None,
        None => Some(samples::create().context("cannot make images to shrink")?),
    };
    let (folder, out) = match (&samples, &arguments.folder) {
        (Some(samples), _) => (samples.path().join("images"), samples.path().join("thumbs")),
        (None, folder) => (folder.clone().unwrap_or_default(), "thumbs".into()),
    };
    let out = arguments.out.as_ref().unwrap_or(&out);
    let plan = Plan::new(&folder, out, arguments.size, arguments.kill_workers)?;
    let (thumbs, signal) = carry_out(&plan, arguments, &signals)?;
    if signal.is_some() {
        return Ok((ExitCode::FAILURE, signal));
    }
    let code = match report(&plan, &thumbs) {
        // Nobody reads on. This is what a shell shows of a program that SIGPIPE has ended.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::from(128 + 13),
        written => written?,
    };
    if samples.is_some() && arguments.out.is_none() {
        let _ = writeln!(
            stdout(),
            "all in a temporary folder: give a folder of your own to keep them"
        );
    }
    Ok((code, None))
}

/// What became of an image: its thumbnail, or why there is none.
type Outcome = Result<Thumb, String>;

// ANCHOR: pool
/// Has every image shrunk. `done` is called after each, in whatever order they finish.
fn shrink_all(pool: &Pool, plan: &Plan, done: impl Fn()) -> Vec<Option<Outcome>> {
    let mut outcomes: Vec<Option<Outcome>> = plan.jobs.iter().map(|_| None).collect();
    for (index, result) in pool.map_unordered(shrink, plan.jobs.iter().cloned()) {
        outcomes[index] = match result {
            // The task ran to its end: there is a thumbnail, or it says why there is none.
            Ok(outcome) => Some(outcome),
            // The pool was ended by a signal, and has nothing to say about this image.
            Err(TaskError::Aborted | TaskError::Cancelled | TaskError::PoolClosed) => None,
            // The decoder panicked or took too long, or two workers died of this image. It costs
            // this image only.
            Err(error) => Some(Err(error.to_string())),
        };
        done();
    }
    outcomes
}

fn start(plan: &Plan, arguments: &Arguments) -> Result<Pool, procpool::PoolError> {
    let mut builder = Pool::builder()
        .name("thumbs")
        // A task writes a file of its own and then renames it, so it can be run twice.
        .retries(1)
        // What keeps a decoder busy for ever costs one worker, and not the run.
        .task_timeout(IMAGE_MAX);
    if let Some(workers) = arguments.workers {
        builder = builder.workers(workers.get().into());
    }
    if arguments.kill_workers {
        // Each image may take a worker with it, and that is no reason to give up.
        let deaths = u32::try_from(plan.jobs.len()).unwrap_or(u32::MAX);
        builder = builder.restart_limit(deaths, Duration::from_secs(1));
    }
    builder.build()
}
// ANCHOR_END: pool

/// Shrinks the images on a thread of its own, while this one waits for a signal.
fn carry_out(
    plan: &Plan,
    arguments: &Arguments,
    signals: &Signals,
) -> Result<(Vec<Option<Outcome>>, Option<Signal>)> {
    if plan.jobs.is_empty() {
        return Ok((Vec::new(), None));
    }
    let pool = start(plan, arguments).context("cannot start the workers")?;
    // It draws on standard error, and only if that is a terminal.
    let bar = indicatif::ProgressBar::new(plan.jobs.len() as u64);
    let all_done = Waker::new()?;
    let mut events = EventLoop::new()?;
    events.add(signals, Key::Signal)?;
    events.add(&all_done, Key::AllDone)?;
    let (outcomes, signal) = std::thread::scope(|scope| {
        let shrinking = scope.spawn(|| {
            let outcomes = shrink_all(&pool, plan, || bar.inc(1));
            all_done.wake();
            outcomes
        });
        let signal = first_signal(&mut events, signals, &pool);
        let outcomes =
            shrinking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (outcomes, signal)
    });
    bar.finish_and_clear();
    // No worker is alive from here on, so the temporary folders can be removed.
    pool.shutdown(Shutdown::Finish, None)?;
    Ok((outcomes, signal?))
}

#[derive(Debug, Clone, Copy)]
enum Key {
    Signal,
    AllDone,
}

// ANCHOR: signal
/// Waits until all is done, or for a signal that comes first: then the workers are killed, and
/// whoever waits for their results gets an error for each.
fn first_signal(
    events: &mut EventLoop<Key>,
    signals: &Signals,
    pool: &Pool,
) -> Result<Option<Signal>> {
    loop {
        for event in events.wait(None)? {
            match event.key {
                Key::AllDone => return Ok(None),
                Key::Signal => {
                    if let Some(received) = signals.read()? {
                        pool.shutdown(Shutdown::Kill, None)?;
                        return Ok(Some(received.signal));
                    }
                }
            }
        }
    }
}
// ANCHOR_END: signal

/// Prints what became of each image, in the order of their names.
fn report(plan: &Plan, outcomes: &[Option<Outcome>]) -> io::Result<ExitCode> {
    let mut out = io::BufWriter::new(stdout().lock());
    let names: Vec<String> = plan.names.iter().map(|name| name.display().to_string()).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut failed = plan.failed.clone();
    let (mut made, mut again) = (0, 0);
    for (name, outcome) in names.into_iter().zip(outcomes) {
        match outcome {
            Some(Ok(Thumb { before, after, second_run })) => {
                let ((w, h), (small_w, small_h)) = (before, after);
                writeln!(out, "{name:width$}  {w}x{h} -> {small_w}x{small_h}")?;
                made += 1;
                again += u32::from(*second_run);
            }
            Some(Err(reason)) => failed.push((name, reason.clone())),
            None => failed.push((name, "the pool ended before it".to_owned())),
        }
    }
    out.flush()?;
    failed.sort();
    for (name, reason) in &failed {
        writeln!(stderr(), "{name}: {reason}")?;
    }
    if again > 0 {
        writeln!(out, "begun by a worker that died, and done by another one: {again}")?;
    }
    writeln!(out, "thumbnails: {made}, failed: {}", failed.len())?;
    if plan.there_already > 0 {
        writeln!(out, "there already, and not touched: {}", plan.there_already)?;
    }
    out.flush()?;
    Ok(ExitCode::from(u8::from(!failed.is_empty())))
}
