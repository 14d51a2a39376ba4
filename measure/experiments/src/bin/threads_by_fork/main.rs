//! Records what the kernel is asked for when a thread is made, a process is forked and a program is started.
//!
//! It is the experiment `threads-by-fork`: `actor.rs` is the program that is watched, `births.rs` reads the record,
//! `shared.rs` and `time.rs` take the other figures, `judge.rs` makes the verdict from them.
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
mod actor;
#[cfg(target_os = "linux")]
mod births;
#[cfg(target_os = "linux")]
mod judge;
#[cfg(target_os = "linux")]
mod shared;
#[cfg(target_os = "linux")]
mod time;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    if let Some(code) = actor::play() {
        return code;
    }
    experiments::run("threads-by-fork", measure)
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!(
        "threads-by-fork: what this measures is in Linux only. Run it there, or in a container."
    );
    ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
fn measure(trial: &experiments::Trial) -> anyhow::Result<experiments::Measured> {
    use experiments::{Measured, fact};

    let (mut facts, mut notes) = (Vec::new(), Vec::new());
    trial.progress(0.0);
    let fork = shared::by_fork()?;
    let thread = shared::by_thread()?;
    trial.progress(0.1);
    let costs = time::costs(trial)?;
    // Last, since the recording has a thread of its own.
    let births = match births::record() {
        Ok(births) => Some(births),
        Err(error) => {
            notes.push(format!("the flags of the calls were not seen: {error:#}"));
            None
        }
    };
    if let Some(births) = &births {
        facts.push(fact("flags for a thread", births.thread.join(" ")));
        facts.push(fact("flags for a fork", births.fork.join(" ")));
        facts.push(fact("flags for `Command`", births.command.join(" ")));
    }
    facts.push(fact("a thread shares with its maker", thread.words()));
    facts.push(fact("a forked process shares with its maker", fork.words()));
    let (verdict, because) = judge::judge(births.as_ref(), &thread, &fork, &costs);
    trial.progress(1.0);
    Ok(Measured { verdict, because, plots: vec![time::plot(&costs)], facts, notes })
}
