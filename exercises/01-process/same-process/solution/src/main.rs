//! The program of `same-process` over the solution.

extern crate same_process_solution as same_process;

#[path = "../../src/bin/same-process.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
