//! The program of `where-is-next` over the solution.

extern crate where_is_next_solution as where_is_next;

#[path = "../../src/bin/where-is-next.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
