//! The program of `restart-storm` over the solution.

extern crate restart_storm_solution as restart_storm;

#[path = "../../src/bin/restart-storm.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
