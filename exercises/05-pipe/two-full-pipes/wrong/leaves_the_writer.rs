//! ZOMBIE: lets a child write, and does not wait for it.

use std::io::{self, Read, Write};

use exec::Command;
use fork::fork;
use pipe::pipe;

/// Runs `command` with `input` as its standard input, and returns all that it writes to its standard output.
///
/// How much goes in and comes out does not matter, nor which of the two the program does first.
///
/// # Errors
/// If a pipe or a process cannot be made, or if a pipe fails.
pub fn filter(command: Command, input: &[u8]) -> io::Result<Vec<u8>> {
    let (program_input, mut to_program) = pipe()?;
    let (mut from_program, program_output) = pipe()?;
    let command = command.fd(0, program_input).fd(1, program_output);
    let mut program = command.spawn().map_err(io::Error::other)?;

    // Only a second process can wait for room in one pipe while this one reads the other.
    fork(|| i32::from(to_program.write_all(input).is_err())).map_err(io::Error::other)?;
    drop(to_program);
    let mut output = Vec::new();
    from_program.read_to_end(&mut output)?;

    program.wait().map_err(io::Error::other)?;
    Ok(output)
}
