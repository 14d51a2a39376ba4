//! The program of `family-tree` over the solution.

extern crate family_tree_solution as family_tree;

#[path = "../../src/bin/family-tree.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
