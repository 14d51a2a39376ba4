//! The program of `two-full-pipes` over the solution.

extern crate two_full_pipes_solution as two_full_pipes;

#[path = "../../src/bin/two-full-pipes.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
