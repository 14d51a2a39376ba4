//! The program of `second-child` over the solution.

extern crate second_child_solution as second_child;

#[path = "../../src/bin/second-child.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
