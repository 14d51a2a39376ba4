//! The program of `whose-writes` over the solution.

extern crate whose_writes_solution as whose_writes;

#[path = "../../src/bin/whose-writes.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
