//! The program of `shared-permits` over the solution.

extern crate shared_permits_solution as shared_permits;

#[path = "../../src/bin/shared-permits.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
