//! WRONG_ANSWER: reads no more than an answer may have, and thinks that a longer one cannot be then.

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
    let mut child = Child::fork(move || worker(writer)).map_err(io::Error::other)?;

    let line = read_line(&mut reader)?;
    let number = line.parse().map_err(io::Error::other)?;

    let status = child.wait().map_err(io::Error::other)?;
    if !status.success() {
        return Err(io::Error::other(format!("the worker has failed: {status}")));
    }
    Ok(number)
}

/// Reads up to a line feed or the end.
fn read_line(reader: &mut PipeReader) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(reader).take(LINE_LEN_MAX + 1).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}
