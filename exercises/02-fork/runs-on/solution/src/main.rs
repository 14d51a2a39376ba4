//! The program of `runs-on` over the solution.

extern crate runs_on_solution as runs_on;

#[path = "../../src/bin/runs-on.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
