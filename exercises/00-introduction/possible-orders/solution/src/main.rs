//! The program of `possible-orders` over the solution.

extern crate possible_orders_solution as possible_orders;

#[path = "../../src/bin/possible-orders.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
