//! WRONG_ANSWER: makes the write end non-blocking, and takes a full pipe for the end of the work.

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use std::io::{self, Read, Write};

use exec::Command;
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

    fcntl(&to_program, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    let mut left = input;
    while !left.is_empty() {
        match to_program.write(left) {
            Ok(len) => left = &left[len..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    drop(to_program);
    let mut output = Vec::new();
    from_program.read_to_end(&mut output)?;

    program.wait().map_err(io::Error::other)?;
    Ok(output)
}
