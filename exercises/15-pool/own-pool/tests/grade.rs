//! Judges `own-pool`: the conformance suite, with points, and the speed beside the book's pools.

use std::process::ExitCode;

use conformance::{Mark, PROPERTIES};
use grader::{Case, Program, Subject, Verdict};

const CASES: &[Case] = &[("all points of the conformance suite", all_points)];

fn all_points(program: &Program) -> Verdict {
    // The proof grades many programs, and a reader one.
    let is_readers = !env!("CARGO_PKG_NAME").ends_with("-solution");
    let mut marks: Vec<Mark> = Vec::new();
    for property in PROPERTIES {
        let mark = property.examine(program);
        let has_failed = !mark.failures.is_empty();
        marks.push(mark);
        if has_failed && !is_readers {
            break;
        }
    }
    if is_readers {
        println!("\n{}", conformance::table(&marks));
    }
    let mut failures = marks.into_iter().flat_map(|mark| {
        let name = mark.property.name;
        mark.failures.into_iter().map(move |failure| (name, failure))
    });
    match failures.next() {
        Some((name, failure)) => Err(failure
            .diagnosis
            .evidence(format!("property {name}, check: {}", failure.check))),
        None if is_readers => {
            conformance::print_speed(program);
            Ok(())
        }
        None => Ok(()),
    }
}

fn main() -> ExitCode {
    if let Some(status) = grader::shield_if_asked().or_else(conformance::play_if_asked) {
        return status;
    }
    let subject = Subject {
        package: env!("CARGO_PKG_NAME"),
        folder: env!("CARGO_MANIFEST_DIR"),
        program: env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME"))),
        scratch: env!("CARGO_TARGET_TMPDIR"),
    };
    grader::main(&subject, CASES)
}
