//! The program of `half-a-transfer` over the solution.

extern crate half_a_transfer_solution as half_a_transfer;

#[path = "../../src/bin/half-a-transfer.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
