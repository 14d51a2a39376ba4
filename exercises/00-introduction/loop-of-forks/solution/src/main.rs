//! The program of `loop-of-forks` over the solution.

extern crate loop_of_forks_solution as loop_of_forks;

#[path = "../../src/bin/loop-of-forks.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
