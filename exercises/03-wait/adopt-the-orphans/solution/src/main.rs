//! The program of `adopt-the-orphans` over the solution.

extern crate adopt_the_orphans_solution as adopt_the_orphans;

#[path = "../../src/bin/adopt-the-orphans.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
