//! The program of `ctrl-c-twice` over the solution.

extern crate ctrl_c_twice_solution as ctrl_c_twice;

#[path = "../../src/bin/ctrl-c-twice.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
