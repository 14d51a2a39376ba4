//! The program of `round-the-end` over the solution.

extern crate round_the_end_solution as round_the_end;

#[path = "../../src/bin/round-the-end.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
