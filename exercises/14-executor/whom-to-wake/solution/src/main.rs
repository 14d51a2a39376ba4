//! The program of `whom-to-wake` over the solution.

extern crate whom_to_wake_solution as whom_to_wake;

#[path = "../../src/bin/whom-to-wake.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
