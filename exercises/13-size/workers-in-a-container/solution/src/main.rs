//! The program of `workers-in-a-container` over the solution.

extern crate workers_in_a_container_solution as workers_in_a_container;

#[path = "../../src/bin/workers-in-a-container.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
