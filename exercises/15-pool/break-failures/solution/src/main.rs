//! The program of `break-failures` over the solution.

extern crate break_failures_solution as break_failures;

#[path = "../../src/bin/break-failures.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
