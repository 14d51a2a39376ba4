//! What `signal` promises, case by case.
//!
//! The crate `contract` runs each in a process of its own with one thread, and looks at what it leaves behind.
#![forbid(unsafe_code)]

mod groups;
mod loops;
mod masks;

use contract::Case;
use std::process::ExitCode;

fn main() -> ExitCode {
    contract::run_also_as_nobody(&[masks::CASES, groups::CASES, loops::CASES].concat())
}

/// Ends only by a signal.
fn pause_for_ever() -> i32 {
    loop {
        nix::unistd::pause();
    }
}
