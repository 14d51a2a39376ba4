//! The program of `break-results`: runs the reader's test with a pool.
//!
//! By hand: `cargo run -p break-results` tries all pools, and marks those of which the test says what is not so. With a
//! name, as `cargo run -p break-results -- right`, it tries that one.

use std::process::ExitCode;

use pools::{Pool, Version, program};

/// The pools that the test has to reject.
const BROKEN: &[Version] = Version::RESULTS;

/// Says what the test says.
pub(crate) fn main() -> ExitCode {
    program::main(BROKEN, |version| {
        break_results::test(|workers| Pool::start(version, workers))
    })
}
