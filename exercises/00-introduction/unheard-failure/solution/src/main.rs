//! The program of `unheard-failure` over the solution.

extern crate unheard_failure_solution as unheard_failure;

#[path = "../../src/bin/unheard-failure.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
