//! The program of `clean-table` over the solution.

extern crate clean_table_solution as clean_table;

#[path = "../../src/bin/clean-table.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
