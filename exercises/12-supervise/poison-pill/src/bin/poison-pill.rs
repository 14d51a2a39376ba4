//! The program of `poison-pill`: a worker that is sent three tasks ahead, and a new one whenever it dies.
//!
//! By hand: `cargo run -p poison-pill -- a b! c d? e~ f`. A task whose name ends with `!` kills each worker that begins it;
//! with `?` it does so once. With `~` the worker dies after it has answered, between two tasks; with `^` the first four
//! workers that get it die before they begin it.

use std::collections::{HashSet, VecDeque};
use std::error::Error;
use std::io::{BufRead, BufReader, Write};

use nix::sys::signal::{Signal, raise};
use pipe::{ReadEnd, WriteEnd, pipe};
use poison_pill::Ledger;
use wait::Child;

/// How many tasks a worker has at a time.
const AHEAD: usize = 3;

/// More deaths than any right answer meets. Then the program gives up.
const DEATHS_MAX: usize = 24;

/// How many workers die before they begin a task with `^`.
const EARLY_DEATHS: usize = 4;

/// A worker, and the tasks that it was sent and has not answered.
struct Worker {
    process: Child,
    to: WriteEnd,
    from: BufReader<ReadEnd>,
    sent: VecDeque<String>,
    begun: Option<String>,
}

/// Keeps a worker supplied with tasks, until the ledger has none.
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let mut ledger = Ledger::new(std::env::args().skip(1));
    let mut stumbled = HashSet::new();
    let mut deaths = 0;
    let mut worker: Option<Worker> = None;
    while deaths < DEATHS_MAX {
        let mut at = match worker.take() {
            Some(worker) => worker,
            None => Worker::start(&stumbled, deaths)?,
        };
        while at.sent.len() + usize::from(at.begun.is_some()) < AHEAD {
            let Some(task) = ledger.take() else { break };
            // A worker that has died meanwhile cannot be written to; its end says so below.
            let _ = at.to.write_all(format!("{task}\n").as_bytes());
            at.sent.push_back(task);
        }
        if at.sent.is_empty() && at.begun.is_none() {
            drop(at.to);
            at.process.wait()?;
            break;
        }
        let mut message = String::new();
        if at.from.read_line(&mut message)? > 0 {
            at.hear(message.trim_end());
            worker = Some(at);
            continue;
        }
        let end = at.process.wait()?;
        deaths += 1;
        let begun = at.begun.as_deref().unwrap_or("no task");
        println!("{} has ended at {begun}: {end}", at.process.pid());
        gate::tell("died at", begun);
        stumbled.extend(at.begun.clone());
        ledger.died(at.begun, at.sent.into());
    }
    for task in ledger.set_aside() {
        println!("{task} is set aside");
        gate::tell("set aside", task);
    }
    Ok(())
}

impl Worker {
    /// `stumbled`: the tasks that have killed a worker before. `deaths`: how many workers have died.
    fn start(stumbled: &HashSet<String>, deaths: usize) -> Result<Worker, Box<dyn Error>> {
        let (mut tasks, to) = pipe()?;
        let (from, mut answers) = pipe()?;
        let mut ends = Some((to, from));
        let process = Child::fork(|| {
            drop(ends.take());
            i32::from(live(&mut tasks, &mut answers, stumbled, deaths).is_err())
        })?;
        let Some((to, from)) = ends else { return Err("the ends are the program's".into()) };
        let from = BufReader::new(from);
        Ok(Worker { process, to, from, sent: VecDeque::new(), begun: None })
    }

    /// `+` says that the next task is begun, `=` that it is answered.
    fn hear(&mut self, message: &str) {
        if message == "+" {
            self.begun = self.sent.pop_front();
        } else if let Some(task) = self.begun.take() {
            println!("{} answers {task}", self.process.pid());
            gate::tell("answered", task);
        }
    }
}

fn live(
    tasks: &mut ReadEnd,
    answers: &mut WriteEnd,
    stumbled: &HashSet<String>,
    deaths: usize,
) -> std::io::Result<()> {
    for task in BufReader::new(tasks).lines() {
        let task = task?;
        if task.ends_with('^') && deaths < EARLY_DEATHS {
            let _ = raise(Signal::SIGKILL);
        }
        answers.write_all(b"+\n")?;
        if task.ends_with('!') || task.ends_with('?') && !stumbled.contains(&task) {
            let _ = raise(Signal::SIGKILL);
        }
        answers.write_all(b"=\n")?;
        if task.ends_with('~') {
            let _ = raise(Signal::SIGKILL);
        }
    }
    Ok(())
}
