//! The program of `enough-workers` over the solution.

extern crate enough_workers_solution as enough_workers;

#[path = "../../src/bin/enough-workers.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
