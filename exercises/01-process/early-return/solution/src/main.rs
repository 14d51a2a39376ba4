//! The program of `early-return` over the solution.

extern crate early_return_solution as early_return;

#[path = "../../src/bin/early-return.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
