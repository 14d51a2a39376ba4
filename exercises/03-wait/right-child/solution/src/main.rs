//! The program of `right-child` over the solution.

extern crate right_child_solution as right_child;

#[path = "../../src/bin/right-child.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
