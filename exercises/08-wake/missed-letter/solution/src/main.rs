//! The program of `missed-letter` over the solution.

extern crate missed_letter_solution as missed_letter;

#[path = "../../src/bin/missed-letter.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
