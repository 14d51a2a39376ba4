//! The pools of the book beside the one that is tested: procpool takes part in the suite, and pools v1 and v3 and
//! procpool say how fast they are.
//!
//! Each is a process of its own, made of the executable that runs the suite.

use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use executor::{JoinHandle, TaskError as Error};
use procpool::{Pool, Shutdown};
use tested_pool::{Outcome, TaskError, TestedPool, Work};

#[path = "../../../chapters/09-ring/examples/pipe_pool/mod.rs"]
mod pipe_pool;
#[path = "../../../chapters/09-ring/examples/ring_pool/mod.rs"]
mod ring_pool;

/// The argument with which the executable plays a script on procpool.
pub const TAKE_PART: &str = "--procpool-takes-part";

/// The argument with which it prints how many tasks per second the pools of the book do.
pub(crate) const BESIDE: &str = "--pools-of-the-book";

/// How many tasks a worker of pool v3 may have.
const AHEAD: usize = 512;

/// If this process was started to be one of the book's pools, or a worker of one, does that. An executable that runs the
/// suite calls it first thing in `main`.
pub fn play_if_asked() -> Option<ExitCode> {
    procpool::init();
    match std::env::args().nth(1)?.as_str() {
        TAKE_PART => Some(tested_pool::program::<Procpool>()),
        BESIDE => Some(match beside() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        }),
        _ => None,
    }
}

/// Prints a line for each pool: its name and its tasks per second, with two workers.
fn beside() -> Result<()> {
    // The first two fork, which is allowed only while this program has one thread.
    let count = 5_000;
    let mut pipes = pipe_pool::PipePool::fork(2)?;
    let begun = Instant::now();
    pipes.map(count)?;
    say("pool v1", count, begun);
    pipes.end()?;

    let tasks: Vec<Vec<u8>> =
        (0..count).map(|number| number.to_string().into_bytes()).collect();
    let mut rings = ring_pool::Pool::fork(2, AHEAD, <[u8]>::to_vec)?;
    let begun = Instant::now();
    ensure!(rings.map(&tasks, || ())? == tasks, "an answer is wrong");
    say("pool v3", count, begun);
    rings.end()?;

    let pool = Pool::builder().workers(2).build()?;
    let begun = Instant::now();
    for (task, answer) in tasks.iter().zip(pool.map(echo, tasks.iter().cloned())) {
        ensure!(*task == answer?, "an answer is wrong");
    }
    say("procpool", count, begun);
    Ok(())
}

fn say(name: &str, count: usize, begun: Instant) {
    println!("{name}: {:.0}", count as f64 / begun.elapsed().as_secs_f64());
}

fn echo(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

/// The pool of the book, as the suite sees it.
struct Procpool(Pool);

fn run(task: Vec<u8>) -> std::result::Result<Vec<u8>, String> {
    tested_pool::work(&task)
}

impl TestedPool for Procpool {
    type Ticket = JoinHandle<std::result::Result<Vec<u8>, String>>;

    fn start(workers: usize, _: Work) -> io::Result<Procpool> {
        let pool = Pool::builder().workers(workers).build().map_err(io::Error::other)?;
        Ok(Procpool(pool))
    }

    fn submit(&mut self, task: Vec<u8>, limit: Option<Duration>) -> io::Result<Self::Ticket> {
        Ok(match limit {
            Some(limit) => self.0.task(run).timeout(limit).submit(task),
            None => self.0.submit(run, task),
        })
    }

    fn cancel(&mut self, ticket: &Self::Ticket) -> bool {
        ticket.cancel()
    }

    fn wait(&mut self, ticket: Self::Ticket) -> Outcome {
        match ticket.join() {
            Ok(answer) => answer.map_err(TaskError::Failed),
            Err(Error::Panicked { message, .. }) => Err(TaskError::Panicked(message)),
            Err(Error::WorkerDied { .. }) => Err(TaskError::WorkerDied),
            Err(Error::TimedOut { .. }) => Err(TaskError::TimedOut),
            Err(Error::Cancelled) => Err(TaskError::Cancelled),
            Err(other) => Err(TaskError::Failed(other.to_string())),
        }
    }

    fn shutdown(self) -> io::Result<()> {
        self.0.shutdown(Shutdown::Finish, None).map(|_| ()).map_err(io::Error::other)
    }
}
