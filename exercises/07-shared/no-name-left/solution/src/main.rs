//! The program of `no-name-left` over the solution.

extern crate no_name_left_solution as no_name_left;

#[path = "../../src/bin/no-name-left.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
