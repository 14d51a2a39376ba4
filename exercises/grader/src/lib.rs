//! The grader: runs the program of an exercise from outside, looks at its processes, and says why it failed.
//!
//! A test inside the program would see one process of many, and would hang, or be left by a signal, together with it.
//! So the program is started apart: in a session of its own, below a process that stands in for its parent, with
//! limits and a deadline. What it does is read from `/proc`, from its output and from gates at which it stops. When it
//! is over, or has taken too long, everything that it has started is found and ended, and the first thing that went
//! wrong becomes a [`Diagnosis`].
//!
//! ```text
//! grade (this crate, subreaper)
//!   shield (the same program again: the parent of the program, subreaper)
//!     the program of the exercise (session of its own)
//!       whatever it starts
//! ```
//!
//! An exercise's `tests/grade.rs` is a list of cases, and ends with [`main!`]. In the exercise's own package it grades the
//! reader's program and records the outcome. In the package of the solution it grades the solution, and proves that
//! the starter and each program in `wrong/` get the diagnosis that they must get.
//!
//! Invariant: when a verdict is given, nothing that the program has started is alive, and nothing else has been
//! signalled.
//!
//! # References
//! man 5 proc; man 2 prctl, `PR_SET_CHILD_SUBREAPER`; man 2 setsid; man 2 setrlimit.

mod attend;
mod blocked;
mod check;
mod code;
mod deadlock;
mod deduce;
mod diagnosis;
mod ended;
mod ending;
mod family;
mod filter;
mod gates;
mod harness;
mod haste;
mod launch;
mod limits;
mod look;
mod manifest;
mod output;
mod pidfd;
mod program;
mod proof;
mod pulse;
mod run;
mod shield;
mod source;
mod stop;
mod sweep;
mod word;

pub use blocked::Blocked;
pub use check::{is_alive, unexpected_descriptors};
pub use code::{Class, Code};
pub use diagnosis::{Diagnosis, Verdict, ensure};
pub use ended::{Ended, same};
pub use harness::{Case, Subject, main, shield_if_asked};
pub use look::{Look, Process};
pub use nix::sys::signal::Signal;
pub use program::Program;
pub use run::Run;
pub use stop::{Rest, Stop, Told};
pub use word::{Place, Word};

/// Makes the `main` of an exercise's `tests/grade.rs` from its list of cases.
#[macro_export]
macro_rules! main {
    ($cases:expr) => {
        fn main() -> ::std::process::ExitCode {
            $crate::main(
                &$crate::Subject {
                    package: env!("CARGO_PKG_NAME"),
                    folder: env!("CARGO_MANIFEST_DIR"),
                    program: env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME"))),
                    scratch: env!("CARGO_TARGET_TMPDIR"),
                },
                $cases,
            )
        }
    };
}
