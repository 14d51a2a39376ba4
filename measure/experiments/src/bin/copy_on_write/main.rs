//! Counts the pages that become a process's own when it, or the other one, writes after a fork.
//!
//! It is the experiment `copy-on-write`: `measure.rs` takes the figures, `judge.rs` makes the verdict from them.
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
mod judge;
#[cfg(target_os = "linux")]
mod measure;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    experiments::run("copy-on-write", measure::experiment)
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!(
        "copy-on-write: what this measures is in Linux only. Run it there, or in a container."
    );
    ExitCode::FAILURE
}
