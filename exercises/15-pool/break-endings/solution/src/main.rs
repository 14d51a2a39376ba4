//! The program of `break-endings` over the solution.

extern crate break_endings_solution as break_endings;

#[path = "../../src/bin/break-endings.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
