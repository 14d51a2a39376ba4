//! Pool v2: the work of pool v1, and the pool outlives its workers and ends cleanly by a signal.
//! Minutes: 15
//!
//! `cargo run --release --example pool_v2 -- [-j WORKERS] [FOLDER]...`; without a folder, the chapters of this book.
//! Meanwhile `kill -9 "$(pgrep -n pool_v2)"` kills its newest worker. Look at what is printed then, and after Ctrl-C.
#![forbid(unsafe_code)]

#[path = "../../05-pipe/examples/sha256sum/mod.rs"]
mod sha256sum;

use anyhow::{Context, Result};
use bstr::ByteSlice;
use nix::sys::signal::raise;
use pipe::frame::{self, FrameError};
use pipe::{ReadEnd, WriteEnd, pipe};
use sha256sum::{FILES_MAX, line, sha256, sha256_each};
use signal::{EventLoop, Group, Signal, SignalSets, Signals, Token, lead_group, unblock_all};
use std::collections::{BTreeMap, VecDeque};
use std::io::{ErrorKind::BrokenPipe, Write, stderr, stdout};
use std::time::{Duration, Instant};
use std::{iter::zip, num::NonZero, os::unix::ffi::OsStringExt, process::ExitCode};
use std::{path::Path, path::PathBuf};
use wait::Child;
use walkdir::WalkDir;

// ANCHOR: state
/// Limit of a task and of an answer, in bytes.
const LEN_MAX: u64 = 1 << 20;

/// How many workers a task may kill. The second may have been killed by the task itself.
const DEATHS_MAX: u32 = 2;

/// What a worker gets between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(1);

/// What ends the pool, unless it was started with the signal ignored.
const ENDINGS: [Signal; 4] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM];

/// What the loop wakes up for.
#[derive(Clone, Copy)]
enum Key {
    Signal,
    Answer(u64),
    Death(u64),
}

/// A process at the head of a group of its own, and the parent's ends of its two pipes.
struct Worker {
    process: Child,
    tasks: WriteEnd,
    answers: ReadEnd,
    watched: [Token; 2],
    /// What it is at. It never has two tasks, so it reads whenever it is written to.
    task: Option<usize>,
}

/// Workers by a number that is never given twice: an event that comes late finds nobody.
struct Pool<F> {
    function: F,
    workers: BTreeMap<u64, Worker>,
    workers_ever: u64,
    events: EventLoop<Key>,
    signals: Signals,
    /// What became of workers that died, for the user.
    deaths: Vec<String>,
}

/// The tasks of one `map`.
struct Tasks<'a> {
    inputs: &'a [Vec<u8>],
    outputs: Vec<Vec<u8>>,
    waiting: VecDeque<usize>,
    deaths: Vec<u32>,
    unfinished: usize,
}
// ANCHOR_END: state

impl<F: Fn(&[u8]) -> Vec<u8>> Pool<F> {
    // ANCHOR: start
    fn start(count: usize, function: F) -> Result<Pool<F>> {
        let ignored = SignalSets::this()?.ignored;
        let endings = ENDINGS.into_iter().filter(|signal| !ignored.contains(*signal));
        // Before the first fork, so that no signal finds a pool that does not listen.
        let signals = Signals::block(&endings.collect::<Vec<_>>())?;
        let mut events = EventLoop::new()?;
        events.add(&signals, Key::Signal)?;
        let (workers, deaths) = (BTreeMap::new(), Vec::new());
        let mut pool = Pool { function, workers, workers_ever: 0, events, signals, deaths };
        (0..count).try_for_each(|_| pool.add_worker())?;
        Ok(pool)
    }

    fn add_worker(&mut self) -> Result<()> {
        let ((mut tasks_in, tasks), (answers, mut answers_out)) = (pipe()?, pipe()?);
        let mut ours = Some((tasks, answers));
        let process = Child::fork(|| {
            // The parent's ends, for this worker and for all others, came with the fork.
            drop(ours.take());
            self.workers.clear();
            // The mask came with the fork: with it, the worker would be deaf to SIGTERM.
            let (Ok(()), Ok(())) = (lead_group(), unblock_all()) else { return 1 };
            while let Ok(Some(task)) = frame::read(&mut tasks_in, LEN_MAX) {
                let answer = (self.function)(&task);
                let Ok(()) = frame::write(&mut answers_out, &answer, LEN_MAX) else { return 1 };
            }
            0
        })?;
        // The child does this too. Whoever comes first, from here on it leads its group.
        Group::led_by(&process)?;
        let (tasks, answers) = ours.context("only the child has dropped them")?;
        let number = self.workers_ever;
        self.workers_ever += 1;
        let watched = [
            self.events.add(&answers, Key::Answer(number))?,
            self.events.add(&process, Key::Death(number))?,
        ];
        self.workers.insert(number, Worker { process, tasks, answers, watched, task: None });
        Ok(())
    }
    // ANCHOR_END: start

    // ANCHOR: map
    /// The answers in the order of the inputs, or the signal that came first. `done` is called for
    /// each answer as it arrives.
    fn map(
        &mut self,
        inputs: &[Vec<u8>],
        done: impl Fn(),
    ) -> Result<Result<Vec<Vec<u8>>, Signal>> {
        let mut tasks = Tasks::new(inputs);
        while tasks.unfinished > 0 {
            self.hand_out(&mut tasks)?;
            for event in self.events.wait(None)? {
                match event.key {
                    Key::Signal => {
                        if let Some(received) = self.signals.read()? {
                            return Ok(Err(received.signal));
                        }
                    }
                    Key::Answer(number) => {
                        // The end, or half a frame: it is dying, or can say no more.
                        if !self.take_answer(number, &mut tasks, &done) {
                            self.bury(number, &mut tasks)?;
                        }
                    }
                    Key::Death(number) => {
                        // It may have answered just before.
                        self.take_answer(number, &mut tasks, &done);
                        self.bury(number, &mut tasks)?;
                    }
                }
            }
        }
        Ok(Ok(tasks.outputs))
    }

    fn hand_out(&mut self, tasks: &mut Tasks<'_>) -> Result<()> {
        for worker in self.workers.values_mut().filter(|worker| worker.task.is_none()) {
            let Some(task) = tasks.waiting.pop_front() else { break };
            match frame::write(&mut worker.tasks, &tasks.inputs[task], LEN_MAX) {
                Ok(()) => worker.task = Some(task),
                // It died idle. The task has not begun; the death will come as an event.
                Err(FrameError::Io(error)) if error.kind() == BrokenPipe => {
                    tasks.waiting.push_front(task);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether there was an answer, or the worker is buried already.
    fn take_answer(&mut self, number: u64, tasks: &mut Tasks<'_>, done: &impl Fn()) -> bool {
        let Some(worker) = self.workers.get_mut(&number) else { return true };
        let answer = frame::read(&mut worker.answers, LEN_MAX).ok().flatten();
        let Some((task, answer)) = worker.task.zip(answer) else { return false };
        worker.task = None;
        tasks.finish(task, answer);
        done();
        true
    }

    /// Ends what is left of a worker, and puts another in its place.
    fn bury(&mut self, number: u64, tasks: &mut Tasks<'_>) -> Result<()> {
        let Some(mut worker) = self.workers.remove(&number) else { return Ok(()) };
        let [answers, process] = worker.watched;
        self.events.remove(answers, &worker.answers)?;
        self.events.remove(process, &worker.process)?;
        let status = signal::end(std::slice::from_mut(&mut worker.process), Duration::ZERO)?;
        let outcome = worker.task.map_or("it was idle", |task| tasks.lose(task));
        let pid = worker.process.pid();
        self.deaths.push(format!("worker {pid} died: {}; {outcome}", status[0]));
        self.add_worker()
    }
    // ANCHOR_END: map

    // ANCHOR: end
    /// Ends the workers, and then lets signals take effect again.
    fn end(self) -> Result<()> {
        let processes = self.workers.into_values().map(|worker| worker.process);
        signal::end(&mut processes.collect::<Vec<_>>(), GRACE)?;
        Ok(())
    }
    // ANCHOR_END: end
}

// ANCHOR: tasks
impl<'a> Tasks<'a> {
    fn new(inputs: &'a [Vec<u8>]) -> Tasks<'a> {
        let count = inputs.len();
        let (waiting, deaths) = ((0..count).collect(), vec![0; count]);
        Tasks { inputs, outputs: vec![Vec::new(); count], waiting, deaths, unfinished: count }
    }

    fn finish(&mut self, task: usize, output: Vec<u8>) {
        self.outputs[task] = output;
        self.unfinished -= 1;
    }

    /// After a death: once more and before all others, or never.
    fn lose(&mut self, task: usize) -> &'static str {
        self.deaths[task] += 1;
        if self.deaths[task] < DEATHS_MAX {
            self.waiting.push_front(task);
            return "its task runs again";
        }
        self.finish(task, given_up(&self.inputs[task]));
        "its task had killed one before, and is given up"
    }
}

/// In place of the answer that never came: one line for each name.
fn given_up(names: &[u8]) -> Vec<u8> {
    let lines = names.split(|byte| *byte == 0).map(|_| &b"!each worker that read it died"[..]);
    lines.collect::<Vec<_>>().join(&b'\n')
}
// ANCHOR_END: tasks

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
    let mut pool = Pool::start(workers, sha256_each)
        .context("cannot start the workers: lower -j, or raise `ulimit -n` or `ulimit -u`")?;
    let bar = indicatif::ProgressBar::new(tasks.len() as u64);
    let answers = pool.map(&tasks, || bar.inc(1))?;
    bar.finish_and_clear();
    let by_pool = start.elapsed().as_secs_f64();
    let deaths = std::mem::take(&mut pool.deaths);
    let ended = pool.end();
    deaths.iter().try_for_each(|death| writeln!(stderr(), "pool_v2: {death}"))?;
    let answers = match answers {
        Ok(answers) => answers.join(&b'\n'),
        Err(signal) => {
            ended?;
            // It has its default action again, so this ends the program, and the shell sees by what.
            raise(signal)?;
            return Ok(ExitCode::from(128 + signal as u8));
        }
    };
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
    errors.iter().try_for_each(|error| writeln!(stderr(), "pool_v2: {error}"))?;
    ended?;

    // The pool went first: what had to come from the disk is in memory now, for this pass.
    let start = Instant::now();
    names.iter().for_each(|name| drop(sha256(name)));
    let alone = start.elapsed().as_secs_f64();
    let times = format!("{by_pool:.2} s, then one process: {alone:.2} s");
    writeln!(stderr(), "{} files; {workers} workers: {times}", names.len())?;
    Ok(ExitCode::from(u8::from(!errors.is_empty())))
}
