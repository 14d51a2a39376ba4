//! The program of `pages-kept` over the solution.

extern crate pages_kept_solution as pages_kept;

#[path = "../../src/bin/pages-kept.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
