//! The program of `only-on-this-machine` over the solution.

extern crate only_on_this_machine_solution as only_on_this_machine;

#[path = "../../src/bin/only-on-this-machine.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
