//! The program of `poison-pill` over the solution.

extern crate poison_pill_solution as poison_pill;

#[path = "../../src/bin/poison-pill.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
