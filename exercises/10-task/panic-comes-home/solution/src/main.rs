//! The program of `panic-comes-home` over the solution.

extern crate panic_comes_home_solution as panic_comes_home;

#[path = "../../src/bin/panic-comes-home.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
