//! Counts who runs for how long when more processes want to compute than the core can run.
//!
//! It is the experiment `time-slices`: `measure.rs` takes the figures, `judge.rs` makes the verdict from them.
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
mod crew;
#[cfg(target_os = "linux")]
mod judge;
#[cfg(target_os = "linux")]
mod measure;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    experiments::run("time-slices", measure::experiment)
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!(
        "time-slices: what this measures is in Linux only. Run it there, or in a container."
    );
    ExitCode::FAILURE
}
