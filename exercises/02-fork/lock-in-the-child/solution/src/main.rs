//! The program of `lock-in-the-child` over the solution.

extern crate lock_in_the_child_solution as lock_in_the_child;

#[path = "../../src/bin/lock-in-the-child.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
