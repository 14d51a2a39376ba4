//! The program of `believe-no-length` over the solution.

extern crate believe_no_length_solution as believe_no_length;

#[path = "../../src/bin/believe-no-length.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
