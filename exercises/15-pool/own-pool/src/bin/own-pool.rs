//! The program of `own-pool`: does with your pool what the script on standard input says.
//!
//! By hand: `printf 'start 2\nsubmit square 7 -\nwait 1\nshutdown\n' | cargo run -p own-pool`.

use std::process::ExitCode;

/// Plays the script.
pub(crate) fn main() -> ExitCode {
    tested_pool::program::<own_pool::OwnPool>()
}
