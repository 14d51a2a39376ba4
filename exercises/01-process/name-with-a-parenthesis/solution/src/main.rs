//! The program of `name-with-a-parenthesis` over the solution.

extern crate name_with_a_parenthesis_solution as name_with_a_parenthesis;

#[path = "../../src/bin/name-with-a-parenthesis.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
