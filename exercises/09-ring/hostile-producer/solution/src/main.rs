//! The program of `hostile-producer` over the solution.

extern crate hostile_producer_solution as hostile_producer;

#[path = "../../src/bin/hostile-producer.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
