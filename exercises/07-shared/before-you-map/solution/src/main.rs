//! The program of `before-you-map` over the solution.

extern crate before_you_map_solution as before_you_map;

#[path = "../../src/bin/before-you-map.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
