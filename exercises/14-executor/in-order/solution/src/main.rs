//! The program of `in-order` over the solution.

extern crate in_order_solution as in_order;

#[path = "../../src/bin/in-order.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
