//! The program of `two-returns` over the solution.

extern crate two_returns_solution as two_returns;

#[path = "../../src/bin/two-returns.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
