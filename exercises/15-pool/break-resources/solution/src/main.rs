//! The program of `break-resources` over the solution.

extern crate break_resources_solution as break_resources;

#[path = "../../src/bin/break-resources.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
