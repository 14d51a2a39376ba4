//! The protocol between the suite and a program that has a pool: a script on standard input, outcomes on standard
//! output, a line each.
//!
//! | the script says | the program does | and prints |
//! |---|---|---|
//! | `start N` | makes a pool of N workers | |
//! | `submit KIND ARGUMENT MS` | submits a task, with a limit of MS milliseconds, or `-`; tickets count from 1 | |
//! | `cancel T` | takes a task back | `cancel T true`, `cancel T false` |
//! | `wait T` | waits for the outcome | `result T VALUE`, `error T KIND TEXT` |
//! | `here` | comes to the gate `here`, where the suite holds it for a while | |
//! | `many N` | submits N squares, and waits for all of them | `many N`, or the first that is wrong |
//! | `speed N` | as `many`, and looks at the clock | `speed TASKS`, in tasks per second |
//! | `shutdown` | ends the pool | `closed` |
//!
//! It comes to the gate `start` before the first line and to the gate `end` after the last.

use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::{Outcome, TaskError, TestedPool, task, work};

/// Does with a pool of type `P` what standard input says.
pub fn program<P: TestedPool>() -> ExitCode {
    let script = match io::read_to_string(io::stdin()) {
        Ok(script) => script,
        Err(error) => return failed(&format!("standard input: {error}")),
    };
    gate::pass("start");
    let mut player = Player::<P> { pool: None, tickets: Vec::new() };
    for line in script.lines() {
        if let Err(why) = player.play(line) {
            return failed(&format!("{line}: {why}"));
        }
    }
    drop(player);
    gate::pass("end");
    ExitCode::SUCCESS
}

fn failed(why: &str) -> ExitCode {
    eprintln!("error: {why}");
    ExitCode::FAILURE
}

struct Player<P: TestedPool> {
    pool: Option<P>,
    tickets: Vec<Option<P::Ticket>>,
}

impl<P: TestedPool> Player<P> {
    fn play(&mut self, line: &str) -> io::Result<()> {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["here"] => gate::pass("here"),
            ["start", workers] => self.pool = Some(P::start(number(workers)?, work)?),
            ["submit", kind, argument, limit] => {
                let limit = match limit {
                    "-" => None,
                    ms => Some(Duration::from_millis(number(ms)? as u64)),
                };
                let ticket = self.pool()?.submit(task::task(kind, argument), limit)?;
                self.tickets.push(Some(ticket));
            }
            ["cancel", name] => {
                let pool = self.pool.as_mut().ok_or_else(no_pool)?;
                let ticket = self.tickets.get(number(name)? - 1).and_then(Option::as_ref);
                let ticket = ticket.ok_or_else(|| io::Error::other("no such ticket"))?;
                println!("cancel {name} {}", pool.cancel(ticket));
            }
            ["wait", name] => {
                let ticket = self.tickets.get_mut(number(name)? - 1).and_then(Option::take);
                let ticket = ticket.ok_or_else(|| io::Error::other("no such ticket"))?;
                println!("{}", shown(name, self.pool()?.wait(ticket)));
            }
            ["many", count] => self.many(number(count)?)?,
            ["speed", count] => {
                let begun = Instant::now();
                self.many(number(count)?)?;
                let seconds = begun.elapsed().as_secs_f64();
                println!("speed {:.0}", number(count)? as f64 / seconds);
            }
            ["shutdown"] => {
                self.pool.take().ok_or_else(no_pool)?.shutdown()?;
                println!("closed");
            }
            _ => return Err(io::Error::other("no line of a script")),
        }
        Ok(())
    }

    fn pool(&mut self) -> io::Result<&mut P> {
        self.pool.as_mut().ok_or_else(no_pool)
    }

    fn many(&mut self, count: usize) -> io::Result<()> {
        let pool = self.pool()?;
        let mut tickets = Vec::new();
        for number in 1..=count {
            tickets.push(pool.submit(task::task("square", &number.to_string()), None)?);
        }
        for (ticket, number) in tickets.into_iter().zip(1_u64..) {
            let found = shown(&number.to_string(), pool.wait(ticket));
            if found != format!("result {number} {}", number * number) {
                println!("wrong {found}");
                return Ok(());
            }
        }
        println!("many {count}");
        Ok(())
    }
}

fn no_pool() -> io::Error {
    io::Error::other("there is no pool")
}

fn number(word: &str) -> io::Result<usize> {
    word.parse().map_err(io::Error::other)
}

fn shown(name: &str, outcome: Outcome) -> String {
    let (kind, text) = match outcome {
        Ok(answer) if answer.len() > 1000 => {
            return format!("result {name} {} bytes", answer.len());
        }
        Ok(answer) => return format!("result {name} {}", String::from_utf8_lossy(&answer)),
        Err(TaskError::Failed(text)) => ("failed", text),
        Err(TaskError::Panicked(text)) => ("panicked", text),
        Err(TaskError::WorkerDied) => ("died", String::new()),
        Err(TaskError::TimedOut) => ("timed-out", String::new()),
        Err(TaskError::Cancelled) => ("cancelled", String::new()),
        Err(TaskError::Unsupported) => ("unsupported", String::new()),
    };
    format!("error {name} {kind} {text}").trim_end().to_owned()
}
