//! Counts the memory that each further worker costs, by every way to start one.
//!
//! It is the experiment `cost-of-a-process`: `measure.rs` takes the figures, `judge.rs` makes the verdict from them.
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
mod judge;
#[cfg(target_os = "linux")]
mod measure;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod python;
#[cfg(target_os = "linux")]
mod workers;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    procpool::init();
    experiments::run("cost-of-a-process", measure::experiment)
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!(
        "cost-of-a-process: what this measures is in Linux only. Run it there, or in a container."
    );
    ExitCode::FAILURE
}
