//! The program of `outlives-its-parent` over the solution.

extern crate outlives_its_parent_solution as outlives_its_parent;

#[path = "../../src/bin/outlives-its-parent.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
