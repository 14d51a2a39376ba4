//! Finds which limits refuse a process, what fork says then, and what a pool says.
//!
//! It is the experiment `limits`: `ask.rs` runs into one limit after the other, each in a process of its own that has
//! little room, `measure.rs` puts the figures together, `judge.rs` makes the verdict from them.
//!
//! Invariant: nothing here takes more than some hundred processes, whatever the machine's limits are.
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
mod ask;
#[cfg(target_os = "linux")]
mod judge;
#[cfg(target_os = "linux")]
mod measure;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    procpool::init();
    experiments::run("limits", measure::experiment)
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("limits: what this measures is in Linux only. Run it there, or in a container.");
    ExitCode::FAILURE
}
