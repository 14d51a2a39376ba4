//! What `wait` promises, case by case.
//!
//! The crate `contract` runs each in a process of its own with one thread, and looks at what it leaves behind.

mod endings;
mod limits;
mod owners;
mod waiting;

use contract::Case;
use std::process::ExitCode;

fn main() -> ExitCode {
    contract::run(&[endings::CASES, waiting::CASES, owners::CASES, limits::CASES].concat())
}

/// Ends only by a signal.
fn pause_for_ever() -> i32 {
    loop {
        nix::unistd::pause();
    }
}
