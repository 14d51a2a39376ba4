//! The program of `break-results` over the solution.

extern crate break_results_solution as break_results;

#[path = "../../src/bin/break-results.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
