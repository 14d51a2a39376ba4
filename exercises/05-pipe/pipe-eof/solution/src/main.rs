//! The program of `pipe-eof` over the solution.

extern crate pipe_eof_solution as pipe_eof;

#[path = "../../src/bin/pipe-eof.rs"]
mod program;

fn main() -> impl std::process::Termination {
    program::main()
}
