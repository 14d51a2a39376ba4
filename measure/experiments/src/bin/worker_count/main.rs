//! Counts the workers that a pool needs for its best throughput, with all processors, with one of them, and under a quota.
//!
//! It is the experiment `worker-count`: `measure.rs` takes the figures, `judge.rs` makes the verdict from them.
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
mod judge;
#[cfg(target_os = "linux")]
mod measure;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    procpool::init();
    experiments::run("worker-count", measure::experiment)
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!(
        "worker-count: what this measures is in Linux only. Run it there, or in a container."
    );
    ExitCode::FAILURE
}
