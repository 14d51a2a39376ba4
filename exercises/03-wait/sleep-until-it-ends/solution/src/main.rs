//! The program of `sleep-until-it-ends` over the solution.

extern crate sleep_until_it_ends_solution as sleep_until_it_ends;

#[path = "../../src/bin/sleep-until-it-ends.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
