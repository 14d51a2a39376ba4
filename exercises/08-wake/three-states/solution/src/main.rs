//! The program of `three-states` over the solution.

extern crate three_states_solution as three_states;

#[path = "../../src/bin/three-states.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
