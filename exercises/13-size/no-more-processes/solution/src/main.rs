//! The program of `no-more-processes` over the solution.

extern crate no_more_processes_solution as no_more_processes;

#[path = "../../src/bin/no-more-processes.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
