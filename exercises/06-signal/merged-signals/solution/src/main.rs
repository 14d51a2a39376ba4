//! The program of `merged-signals` over the solution.

extern crate merged_signals_solution as merged_signals;

#[path = "../../src/bin/merged-signals.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
