//! The program of `byte-by-byte` over the solution.

extern crate byte_by_byte_solution as byte_by_byte;

#[path = "../../src/bin/byte-by-byte.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
