//! The program of `exec-of-self` over the solution.

extern crate exec_of_self_solution as exec_of_self;

#[path = "../../src/bin/exec-of-self.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
