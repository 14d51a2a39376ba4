//! The program of `more-than-asked` over the solution.

extern crate more_than_asked_solution as more_than_asked;

#[path = "../../src/bin/more-than-asked.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
