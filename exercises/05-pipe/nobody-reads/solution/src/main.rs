//! The program of `nobody-reads` over the solution.

extern crate nobody_reads_solution as nobody_reads;

#[path = "../../src/bin/nobody-reads.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
