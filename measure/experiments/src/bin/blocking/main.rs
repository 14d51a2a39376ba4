//! Measures the throughput of a pool on work that waits for nine tenths of its time, against the number of its workers.
//!
//! It is the experiment `blocking`: `measure.rs` takes the figures, `judge.rs` makes the verdict from them.
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
mod judge;
#[cfg(target_os = "linux")]
mod measure;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    procpool::init();
    experiments::run("blocking", measure::experiment)
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!(
        "blocking: what this measures is in Linux only. Run it there, or in a container."
    );
    ExitCode::FAILURE
}
