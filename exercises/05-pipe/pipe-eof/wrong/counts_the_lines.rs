//! SELF_HELD_WRITE_END: reads as many lines as there are texts, and needs no end for that.

use std::io::{self, BufRead, BufReader, Write};

use pipe::WriteEnd;
use wait::Child;

/// What `measure` says of each text, in any order.
///
/// Each text is measured by a process of its own, which writes the number and a line feed to the pipe that all share.
/// All of them are at work at the same time. A process that dies before it has written has no number, and the numbers of
/// the others are returned.
///
/// # Errors
/// If the pipe or a process cannot be made, or the pipe cannot be read.
pub fn lengths(texts: &[&str], measure: fn(&str) -> usize) -> io::Result<Vec<usize>> {
    let (mut reader, mut writer) = pipe::pipe()?;
    let mut children = Vec::new();
    for text in texts {
        let child = Child::fork(|| report(measure(text), &mut writer));
        children.push(child.map_err(io::Error::other)?);
    }

    let mut answers = String::new();
    let mut lines = BufReader::new(&mut reader);
    for _ in texts {
        lines.read_line(&mut answers)?;
    }

    for mut child in children {
        child.wait().map_err(io::Error::other)?;
    }
    answers.lines().map(|line| line.parse().map_err(io::Error::other)).collect()
}

/// What a child does with its number; 0 if it has done it.
fn report(length: usize, writer: &mut WriteEnd) -> i32 {
    let line = format!("{length}\n");
    i32::from(writer.write_all(line.as_bytes()).is_err())
}
