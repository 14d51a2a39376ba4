//! The program of `cancel-or-abort` over the solution.

extern crate cancel_or_abort_solution as cancel_or_abort;

#[path = "../../src/bin/cancel-or-abort.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
