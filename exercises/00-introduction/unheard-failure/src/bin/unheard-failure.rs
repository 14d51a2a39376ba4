//! The program of `unheard-failure`: runs the checks that its arguments name, and prints what became of each.
//!
//! By hand: `cargo run -p unheard-failure -- sum panics waits`

use std::process::ExitCode;

use nix::unistd::{getpid, pause};

/// The checks, by name. Only the first holds.
const CHECKS: &[(&str, fn())] =
    &[("sum", sum), ("exits", exits), ("panics", panics), ("waits", waits)];

/// Runs each check that is named, in order.
pub(crate) fn main() -> ExitCode {
    let mut checks = Vec::new();
    for wanted in std::env::args().skip(1) {
        let Some(check) = CHECKS.iter().find(|(name, _)| *name == wanted) else {
            eprintln!("error: there is no check {wanted}: try sum, exits, panics, waits");
            return ExitCode::FAILURE;
        };
        checks.push(check);
    }
    gate::pass("start");
    let answers: nix::Result<Vec<bool>> =
        checks.iter().map(|(_, check)| unheard_failure::holds(*check)).collect();
    gate::pass("end");
    match answers {
        Ok(answers) => {
            for ((name, _), held) in checks.iter().zip(answers) {
                println!("{name}: {}", if held { "holds" } else { "fails" });
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Holds.
fn sum() {
    assert_eq!([1, 2, 3].iter().sum::<u32>(), 6);
}

/// Fails as a program does that has reported its error.
fn exits() {
    std::process::exit(1);
}

/// Fails as an assertion does.
fn panics() {
    assert_eq!([1, 2, 3].iter().sum::<u32>(), 7);
}

/// Fails when somebody kills it, as the kernel does for want of memory.
fn waits() {
    eprintln!("this check waits until you say: kill -KILL {}", getpid());
    gate::pass("waits");
    loop {
        pause();
    }
}
