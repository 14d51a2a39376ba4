//! The program of `how-did-it-end` over the solution.

extern crate how_did_it_end_solution as how_did_it_end;

#[path = "../../src/bin/how-did-it-end.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
