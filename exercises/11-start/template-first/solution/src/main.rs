//! The program of `template-first` over the solution.

extern crate template_first_solution as template_first;

#[path = "../../src/bin/template-first.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
