//! What `Snapshot` and `cpus` promise of real processes, case by case.
//!
//! The crate `contract` runs each in a process of its own with one thread, and looks at what it leaves behind; with
//! root's rights once more as an ordinary user.

mod cases;

use std::process::ExitCode;

fn main() -> ExitCode {
    cases::play().unwrap_or_else(|| contract::run_also_as_nobody(cases::ALL))
}
