//! The program of `three-leaks` over the solution.

extern crate three_leaks_solution as three_leaks;

#[path = "../../src/bin/three-leaks.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
