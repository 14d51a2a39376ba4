//! The program of `printed-once` over the solution.

extern crate printed_once_solution as printed_once;

#[path = "../../src/bin/printed-once.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
