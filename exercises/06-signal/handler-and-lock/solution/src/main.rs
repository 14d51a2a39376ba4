//! The program of `handler-and-lock` over the solution.

extern crate handler_and_lock_solution as handler_and_lock;

#[path = "../../src/bin/handler-and-lock.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
