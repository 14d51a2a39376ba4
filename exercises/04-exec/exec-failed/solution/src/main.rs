//! The program of `exec-failed` over the solution.

extern crate exec_failed_solution as exec_failed;

#[path = "../../src/bin/exec-failed.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
