//! The program of `break-failures`: runs the reader's test with a pool.
//!
//! By hand: `cargo run -p break-failures` tries all pools, and marks those of which the test says what is not so. With a
//! name, as `cargo run -p break-failures -- right`, it tries that one.

use std::process::ExitCode;

use pools::{Pool, Version, program};

/// The pools that the test has to reject.
const BROKEN: &[Version] = Version::FAILURES;

/// Says what the test says.
pub(crate) fn main() -> ExitCode {
    program::main(BROKEN, |version| {
        break_failures::test(|workers| Pool::start(version, workers))
    })
}
