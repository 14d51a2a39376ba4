//! The program of `cancel-or-abort`: one task, and what is done with its handle, step by step.
//!
//! By hand: `cargo run -p cancel-or-abort -- works begin abort join`. The first word is the task: `works` for a moment and
//! returns 42, or `dies` of SIGKILL. Then come the steps: `begin`, `ended` (waits until the task's process has ended), `cancel`,
//! `abort`, and `join` at the end.

use std::error::Error;
use std::thread;
use std::time::Duration;

use cancel_or_abort::Task;
use nix::sys::signal::{Signal, raise};
use process::{Snapshot, State};

/// Performs the steps, and says what each has returned.
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let dies = words.next().as_deref() == Some("dies");
    let mut task = Task::waiting(move || work(dies));
    for step in words {
        match step.as_str() {
            "begin" => task.begin()?,
            "ended" => until_ended()?,
            "cancel" => say("cancel", &task.cancel().to_string()),
            "abort" => {
                let is_aborted = task.abort()?;
                say("abort", &is_aborted.to_string());
            }
            "join" => {
                say("join", &format!("{:?}", task.join()?));
                return Ok(());
            }
            _ => return Err(format!("no step: {step}").into()),
        }
        gate::pass("here");
    }
    Ok(())
}

fn work(dies: bool) -> i32 {
    gate::pass("here");
    if dies {
        let _ = raise(Signal::SIGKILL);
    }
    say("work", "done");
    42
}

/// Waits until a child has ended, and leaves its status to whoever waits for it.
fn until_ended() -> Result<(), Box<dyn Error>> {
    while let Some(child) = wait::children()?.first() {
        if Snapshot::of(child.as_raw())?.state == State::Zombie {
            break;
        }
        thread::sleep(Duration::from_micros(200));
    }
    Ok(())
}

fn say(what: &str, value: &str) {
    println!("{what}: {value}");
    gate::tell(what, value);
}
