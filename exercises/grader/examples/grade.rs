//! Runs any program as the grader runs an exercise, and says what it leaves behind.
//! Minutes: 3
//!
//! `cargo run -p grader --example grade -- PROGRAM [ARGUMENT ...]`. PROGRAM is a path, such as
//! `target/debug/examples/two_returns`. It runs with the limits and the checks that hold for every exercise: take a
//! program of your own.

use std::path::Path;
use std::process::ExitCode;

use grader::{Diagnosis, Program};

fn main() -> ExitCode {
    // The grader starts this program once more, to stand between itself and the program that is graded.
    if let Some(status) = grader::shield_if_asked() {
        return status;
    }
    let mut args = std::env::args().skip(1);
    let Some(path) = args.next() else {
        eprintln!(
            "which program? cargo run -p grader --example grade -- PROGRAM [ARGUMENT ...]"
        );
        return ExitCode::FAILURE;
    };
    // It runs in a folder of its own.
    let path = match Path::new(&path).canonicalize() {
        Ok(path) => path,
        Err(error) => {
            eprintln!("{path}: {error}");
            return ExitCode::FAILURE;
        }
    };
    match grade(&Program::new(path).args(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(diagnosis) => {
            print!("{diagnosis}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the program to its end, shows what it printed, and says that all is well if it is.
fn grade(program: &Program) -> Result<(), Diagnosis> {
    let end = program.run()?;
    print!("{}", end.stdout());
    eprint!("{}", end.stderr());
    println!("ok: it has ended with status 0, and nothing is left of it");
    Ok(())
}
