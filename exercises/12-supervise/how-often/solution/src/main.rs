//! The program of `how-often` over the solution.

extern crate how_often_solution as how_often;

#[path = "../../src/bin/how-often.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
