//! The program of `small-pool` over the solution.

extern crate small_pool_solution as small_pool;

#[path = "../../src/bin/small-pool.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
