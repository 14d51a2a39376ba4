//! The program of `own-pool` over the solution.

extern crate own_pool_solution as own_pool;

#[path = "../../src/bin/own-pool.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
