//! The program of `at-least-once` over the solution.

extern crate at_least_once_solution as at_least_once;

#[path = "../../src/bin/at-least-once.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
