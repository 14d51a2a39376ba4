//! The program of `whoever-ends-first` over the solution.

extern crate whoever_ends_first_solution as whoever_ends_first;

#[path = "../../src/bin/whoever-ends-first.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
