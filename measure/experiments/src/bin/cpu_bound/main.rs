//! Measures a pool on work that computes: its throughput against the number of its workers, and what it costs other work.
//!
//! It is the experiment `cpu-bound`: `measure.rs` takes the figures, `judge.rs` makes the verdict from them.
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
mod judge;
#[cfg(target_os = "linux")]
mod measure;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    procpool::init();
    experiments::run("cpu-bound", measure::experiment)
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!(
        "cpu-bound: what this measures is in Linux only. Run it there, or in a container."
    );
    ExitCode::FAILURE
}
