//! The program of `socket-pool` over the solution.

extern crate socket_pool_solution as socket_pool;

#[path = "../../src/bin/socket-pool.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
