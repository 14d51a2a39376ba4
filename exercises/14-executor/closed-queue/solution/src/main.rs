//! The program of `closed-queue` over the solution.

extern crate closed_queue_solution as closed_queue;

#[path = "../../src/bin/closed-queue.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
