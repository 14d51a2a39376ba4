//! WRONG_ANSWER: leaves the end of the worker to its owner's drop, which does not wait for it but kills it.

use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Read, pipe};

use wait::Child;

/// The longest answer, in bytes.
const LINE_LEN_MAX: u64 = 16;

/// Runs `worker` in a child process, and returns the number that it writes to its pipe, in a line.
///
/// A worker that has answered ends by itself, and with code 0 if all went well.
///
/// # Errors
/// If the answer is too long or no number, or if the worker ends in another way. It is over by then.
pub fn ask(worker: impl FnOnce(PipeWriter) -> i32) -> io::Result<u32> {
    // Each of the two has an owner, which lets go of it on every path out of here.
    let (mut reader, writer) = pipe()?;
    let child = Child::fork(move || worker(writer)).map_err(io::Error::other)?;

    let line = read_line(&mut reader)?;
    let number = line.parse().map_err(io::Error::other)?;

    // Kills it, if it has not ended, and reaps it.
    drop(child);
    Ok(number)
}

/// Reads up to a line feed or the end.
fn read_line(reader: &mut PipeReader) -> io::Result<String> {
    let mut line = String::new();
    // One byte more, which is a line feed or one too many.
    BufReader::new(reader).take(LINE_LEN_MAX + 1).read_line(&mut line)?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    if line.len() as u64 > LINE_LEN_MAX {
        return Err(io::Error::other("too long"));
    }
    Ok(line.to_owned())
}
