//! The program of `dead-forkserver` over the solution.

extern crate dead_forkserver_solution as dead_forkserver;

#[path = "../../src/bin/dead-forkserver.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
