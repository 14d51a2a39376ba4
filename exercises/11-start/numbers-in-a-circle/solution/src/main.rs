//! The program of `numbers-in-a-circle` over the solution.

extern crate numbers_in_a_circle_solution as numbers_in_a_circle;

#[path = "../../src/bin/numbers-in-a-circle.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
