//! The program of `by-distance` over the solution.

extern crate by_distance_solution as by_distance;

#[path = "../../src/bin/by-distance.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
