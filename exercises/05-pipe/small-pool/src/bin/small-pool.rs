//! The program of `small-pool`: has its arguments written in capitals, each by a task of the pool.
//!
//! By hand: `cargo run -p small-pool -- 2 one two three`: 2 workers, 3 tasks. `one*1000` is `one` with 1,000 bytes more.
//! A task that is called `die` kills its worker. The first line holds what the workers have printed.

use std::process::ExitCode;

use nix::sys::signal::{Signal, raise};

/// Prints one line for each outcome.
pub(crate) fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let Some(workers) = args.next().and_then(|word| word.parse().ok()) else {
        eprintln!("usage: small-pool WORKERS [TASK]...");
        return ExitCode::FAILURE;
    };
    let tasks: Vec<Vec<u8>> = args.map(|word| task_of(&word)).collect();
    gate::pass("start");
    let outcomes = small_pool::map(workers, &tasks, work);
    gate::pass("end");
    match outcomes {
        Ok(outcomes) => {
            println!();
            for outcome in outcomes {
                println!("{}", outcome.map_or("died".to_owned(), |answer| shown(&answer)));
            }
        }
        Err(error) => println!("\nerror: {error}"),
    }
    ExitCode::SUCCESS
}

/// The task that a word of the command line stands for.
fn task_of(word: &str) -> Vec<u8> {
    let (name, more) = word.split_once('*').unwrap_or((word, "0"));
    let mut task = name.as_bytes().to_vec();
    task.resize(name.len() + more.parse().unwrap_or(0), b'.');
    task
}

/// What a worker does with a task.
fn work(task: &[u8]) -> Vec<u8> {
    let name = name_of(task);
    gate::tell("begins", &name);
    if gate::ask("task").as_deref() == Some("die") || name == "die" {
        // The worker is gone before it can answer.
        let _ = raise(Signal::SIGKILL);
    }
    // Without a line feed this stays in the worker's memory until the worker ends.
    print!("{name} ");
    task.to_ascii_uppercase()
}

/// A task or an answer, without what makes it long.
fn name_of(bytes: &[u8]) -> String {
    let dots = bytes.iter().position(|byte| *byte == b'.').unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..dots]).into_owned()
}

fn shown(answer: &[u8]) -> String {
    let name = name_of(answer);
    match answer.len() - name.len() {
        0 => name,
        more => format!("{name} and {more} bytes"),
    }
}
