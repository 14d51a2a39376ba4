//! The program of `how-often`: four tasks, one worker, and a death at a point of its protocol.
//!
//! By hand: `cargo run -p how-often -- at-most-once done`. The first word is the promise. The second is the point at which
//! the worker dies when it has task b: `sent`, `begun`, `done` or `answered`. A third one is how many workers die there,
//! instead of 1. A worker prints a line when it does a task: that is its effect on the world.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Read, Write};

use how_often::{Fate, Known, Promise, fate};
use nix::sys::signal::{Signal, raise};
use pipe::{ReadEnd, WriteEnd, pipe};
use wait::Child;

const TASKS: [u8; 4] = *b"abcd";

/// The task at which workers die.
const FATAL: u8 = b'b';

/// More workers than any right answer needs. Then the program gives up.
const STARTS_MAX: u32 = 12;

/// What a worker says of a task, before the task's name.
const BEGINS: u8 = b'+';
const ANSWERS: u8 = b'=';

/// Sends what is to be done to one worker after the other, until each task has its fate.
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let promise = match args.next().as_deref() {
        Some("at-most-once") => Promise::AtMostOnce,
        Some("at-least-once") => Promise::AtLeastOnce,
        _ => return Err("usage: how-often at-most-once|at-least-once POINT [DEATHS]".into()),
    };
    let point = args.next().unwrap_or_default();
    let mut deaths: u32 = args.next().map_or(Ok(1), |count| count.parse())?;

    let mut to_send = TASKS.to_vec();
    let mut workers: BTreeMap<u8, u32> = BTreeMap::new();
    let mut outcomes: BTreeMap<u8, &str> = BTreeMap::new();
    let mut starts = 0;
    while !to_send.is_empty() && starts < STARTS_MAX {
        starts += 1;
        let dies_at = if deaths > 0 { point.as_str() } else { "" };
        deaths = deaths.saturating_sub(1);
        let sent = std::mem::take(&mut to_send);
        let (begun, answered) = worker(&sent, dies_at)?;
        for task in sent {
            let is_begun = begun.contains(&task);
            let workers = workers.entry(task).or_default();
            *workers += u32::from(is_begun);
            let known = Known {
                promise,
                is_begun,
                workers: *workers,
                is_answered: answered.contains(&task),
            };
            match fate(&known) {
                Fate::Answered => drop(outcomes.insert(task, "answered")),
                Fate::Failed => drop(outcomes.insert(task, "failed")),
                Fate::SendAgain => to_send.push(task),
            }
        }
    }
    println!("{starts} workers were started");
    for task in TASKS {
        let outcome = outcomes.get(&task).unwrap_or(&"no outcome");
        println!("task {}: {outcome}", char::from(task));
        gate::tell(&format!("outcome of {}", char::from(task)), outcome);
    }
    Ok(())
}

/// Has one worker do the tasks. Returns those that it began, and those that it answered, when it has ended.
fn worker(tasks: &[u8], dies_at: &str) -> Result<(Vec<u8>, Vec<u8>), Box<dyn Error>> {
    let (mut from_program, mut to_worker) = pipe()?;
    let (mut from_worker, to_program) = pipe()?;
    // They all fit into the pipe, and wait there.
    to_worker.write_all(tasks)?;
    drop(to_worker);
    let mut end = Some(to_program);
    let mut worker = Child::fork(|| {
        let Some(mut out) = end.take() else { return 1 };
        i32::from(live(&mut from_program, &mut out, dies_at).is_err())
    })?;
    drop(end);
    let mut said = Vec::new();
    from_worker.read_to_end(&mut said)?;
    worker.wait()?;
    let of_kind = |kind: u8| {
        let of_kind = said.chunks_exact(2).filter(|message| message[0] == kind);
        of_kind.map(|message| message[1]).collect()
    };
    Ok((of_kind(BEGINS), of_kind(ANSWERS)))
}

/// The life of a worker. It may die after each of its steps.
fn live(from: &mut ReadEnd, to: &mut WriteEnd, dies_at: &str) -> std::io::Result<()> {
    let mut task = [0];
    while from.read(&mut task)? == 1 {
        let task = task[0];
        let passed = |point: &str| {
            if task == FATAL && point == dies_at {
                // This process is gone at once, whatever comes behind.
                let _ = raise(Signal::SIGKILL);
            }
        };
        passed("sent");
        to.write_all(&[BEGINS, task])?;
        gate::tell("begins", char::from(task));
        passed("begun");
        println!("process {} does task {}", std::process::id(), char::from(task));
        gate::tell("does", char::from(task));
        passed("done");
        to.write_all(&[ANSWERS, task])?;
        passed("answered");
    }
    Ok(())
}
