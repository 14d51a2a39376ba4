//! The program of `storm-of-signals` over the solution.

extern crate storm_of_signals_solution as storm_of_signals;

#[path = "../../src/bin/storm-of-signals.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
