//! The program of `byte-by-byte`: a child writes bytes into a pipe, and the reader's function makes frames of them.
//!
//! The child writes only when it is asked to: one byte for each call of `read`, or everything at the first. So what a
//! read finds in the pipe does not depend on who is faster.
//!
//! With `interrupted`, each read fails once before it gets something; with `failing`, there is an error for the end.
//!
//! By hand: `cargo run -p byte-by-byte -- drip 5 hello 3 one`. A word of digits is a length, any other word is payload,
//! and `hex:0500` stands for the bytes 05 and 00.

use std::io::{self, ErrorKind, Read, Write};
use std::process::ExitCode;

use pipe::{ReadEnd, WriteEnd};
use wait::Child;

/// The longest payload that this program accepts, in bytes.
const LEN_MAX: u32 = 1000;

/// No stream here has more frames. A function that never sees the end stops here.
const FRAMES_MAX: usize = 20;

/// Prints what the reader's function says, call by call, until the stream ends or fails.
pub(crate) fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let way = args.next().unwrap_or_default();
    let bytes: Vec<u8> = args.flat_map(|word| bytes_of(&word)).collect();
    match talk(&bytes, &way) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What a word of the command line stands for.
fn bytes_of(word: &str) -> Vec<u8> {
    if let Some(digits) = word.strip_prefix("hex:") {
        return (0..digits.len() / 2)
            .filter_map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).ok())
            .collect();
    }
    match word.parse::<u32>() {
        Ok(length) => length.to_le_bytes().to_vec(),
        Err(_) => word.as_bytes().to_vec(),
    }
}

fn talk(bytes: &[u8], way: &str) -> io::Result<()> {
    let (requests, asking) = pipe::pipe()?;
    let (answers, answering) = pipe::pipe()?;
    let mut parents = Some((asking, answers));
    let mut childs = Some((requests, answering));
    let mut child = Child::fork(|| {
        drop(parents.take());
        childs.take().map_or(1, |(requests, answering)| {
            i32::from(write_when_asked(bytes, way == "drip", requests, answering).is_err())
        })
    })
    .map_err(io::Error::other)?;
    drop(childs);
    let Some((asking, answers)) = parents else { return Ok(()) };
    let mut stream = OnRequest {
        asking,
        answers,
        longest: 0,
        interrupts: way == "interrupted",
        was_interrupted: false,
        fails: way == "failing",
    };
    for _ in 0..FRAMES_MAX {
        match byte_by_byte::read_frame(&mut stream, LEN_MAX) {
            Ok(Some(payload)) => println!("frame of {}: {}", payload.len(), shown(&payload)),
            Ok(None) => {
                println!("end");
                break;
            }
            Err(error) => {
                println!("{:?}", error.kind());
                break;
            }
        }
    }
    gate::tell("longest", stream.longest);
    drop(stream);
    child.wait().map_err(io::Error::other)?;
    Ok(())
}

/// A payload as text, cut if it is long.
fn shown(payload: &[u8]) -> String {
    String::from_utf8_lossy(&payload[..payload.len().min(20)]).escape_debug().to_string()
}

/// The child: for each request that it reads, a write.
fn write_when_asked(
    mut bytes: &[u8],
    is_drip: bool,
    mut requests: ReadEnd,
    mut answering: WriteEnd,
) -> io::Result<()> {
    while !bytes.is_empty() && requests.read(&mut [0])? == 1 {
        let (now, later) = bytes.split_at(if is_drip { 1 } else { bytes.len() });
        answering.write_all(now)?;
        bytes = later;
    }
    Ok(())
}

/// A stream whose other end writes once for each read.
struct OnRequest {
    asking: WriteEnd,
    answers: ReadEnd,
    /// The longest buffer that was to be filled, in bytes.
    longest: usize,
    /// Whether each read is interrupted before it gets something.
    interrupts: bool,
    was_interrupted: bool,
    /// Whether there is an error for the end.
    fails: bool,
}

impl Read for OnRequest {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.longest = self.longest.max(buf.len());
        self.was_interrupted = self.interrupts && !self.was_interrupted;
        if self.was_interrupted {
            return Err(ErrorKind::Interrupted.into());
        }
        // A child that has written everything is gone and takes no more requests.
        let _ = self.asking.write(&[0]);
        match self.answers.read(buf)? {
            0 if self.fails => Err(ErrorKind::ConnectionReset.into()),
            len => Ok(len),
        }
    }
}
