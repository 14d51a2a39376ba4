//! Pipe and socket pair: the kernel copies the bytes in, and copies them out.
//!
//! # References
//! man 7 pipe; man 2 F_SETPIPE_SZ; man 2 socketpair.

use super::{Halves, Receiver, Sender};
use anyhow::{Context, Result};
use nix::fcntl::{FcntlArg, fcntl};
use pipe::{ReadEnd, WriteEnd};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

/// Eight bytes back: what an answer is wherever it has no message of its own.
pub(super) const ANSWER: [u8; 8] = [7; 8];

/// One side of two pipes, or of a socket.
struct Side<R, W> {
    reader: R,
    writer: W,
}

/// Two pipes. `capacity_bytes` is the kernel's own choice unless it is given.
pub(super) fn pipe(capacity_bytes: Option<usize>) -> Result<Halves> {
    let (there_reader, there_writer) = pipe::pipe()?;
    if let Some(bytes) = capacity_bytes {
        fcntl(&there_writer, FcntlArg::F_SETPIPE_SZ(i32::try_from(bytes)?)).context(
            "a larger pipe is refused (see fs.pipe-max-size and fs.pipe-user-pages-soft)",
        )?;
    }
    let (back_reader, back_writer) = pipe::pipe()?;
    Ok((
        Box::new(Side { reader: back_reader, writer: there_writer }),
        Box::new(Side { reader: there_reader, writer: back_writer }),
    ))
}

/// A pair of connected sockets that carry a stream.
pub(super) fn socket() -> Result<Halves> {
    let (here, there) = UnixStream::pair().context("socketpair")?;
    let side = |socket: UnixStream| -> Result<Side<UnixStream, UnixStream>> {
        Ok(Side { reader: socket.try_clone()?, writer: socket })
    };
    Ok((Box::new(side(here)?), Box::new(side(there)?)))
}

impl<R: Read, W: Write> Sender for Side<R, W> {
    fn send(&mut self, message: &[u8]) -> Result<()> {
        self.writer.write_all(message).context("cannot write a message")
    }

    fn answered(&mut self) -> Result<()> {
        let mut answer = [0; ANSWER.len()];
        self.reader.read_exact(&mut answer).context("there was no answer")
    }
}

impl<R: Read, W: Write> Receiver for Side<R, W> {
    fn receive(&mut self, buffer: &mut Vec<u8>, _size: usize) -> Result<()> {
        self.reader.read_exact(buffer).context("a message did not arrive")
    }

    fn answer(&mut self) -> Result<()> {
        self.writer.write_all(&ANSWER).context("cannot answer")
    }
}

/// A pipe for what has to be said beside the bytes: reader and writer of both directions.
pub(super) fn side_channel() -> Result<(Line, Line)> {
    let (there_reader, there_writer) = pipe::pipe()?;
    let (back_reader, back_writer) = pipe::pipe()?;
    let here = Line { reader: back_reader, writer: there_writer };
    Ok((here, Line { reader: there_reader, writer: back_writer }))
}

/// One side of two pipes for short words.
pub(super) struct Line {
    reader: ReadEnd,
    writer: WriteEnd,
}

impl Line {
    pub(super) fn say<const N: usize>(&mut self, word: [u8; N]) -> Result<()> {
        self.writer.write_all(&word).context("the other side is gone")
    }

    pub(super) fn hear<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut word = [0; N];
        self.reader.read_exact(&mut word).context("the other side is gone")?;
        Ok(word)
    }
}
