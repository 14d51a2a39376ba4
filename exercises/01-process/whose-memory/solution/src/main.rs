//! The program of `whose-memory` over the solution.

extern crate whose_memory_solution as whose_memory;

#[path = "../../src/bin/whose-memory.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
