//! The program of `unheard-unlock` over the solution.

extern crate unheard_unlock_solution as unheard_unlock;

#[path = "../../src/bin/unheard-unlock.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
