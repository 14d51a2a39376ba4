//! Reads and writes that take as many system calls as they need.
//!
//! The standard library has `Read::read_exact` and `Write::write_all`. These differ in what they say: how many bytes
//! came before the end, which tells an orderly end (0) from a death in the middle of something.
//!
//! Invariant: `Ok` means that the stream has moved by exactly the bytes that the caller was told of. After an error
//! nobody knows where it stands.
//!
//! # References
//! man 2 read; man 2 write; both may do less than was asked for.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};

/// Why bytes that were expected did not come.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The end came after some of them, or before the first (`got` is 0).
    Truncated {
        /// How many bytes came.
        got: usize,
        /// How many were expected.
        wanted: usize,
    },
    /// The read failed.
    Io(io::Error),
}

// ANCHOR: read_full
/// Reads until `buf` is full or the end comes, and says how many bytes there are.
///
/// ```
/// let mut buf = [0; 4];
/// assert_eq!(pipe::read_full(&mut &b"abcdef"[..], &mut buf)?, 4);
/// assert_eq!(pipe::read_full(&mut &b"ab"[..], &mut buf)?, 2);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// What `reader` says, except that EINTR is retried.
pub fn read_full(reader: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while len < buf.len() {
        match reader.read(&mut buf[len..]) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

/// Fills `buf`.
///
/// # Errors
/// [`ReadError::Truncated`] with the number of bytes that came before the end, [`ReadError::Io`] for anything else.
pub fn read_exact(reader: &mut impl Read, buf: &mut [u8]) -> Result<(), ReadError> {
    let wanted = buf.len();
    match read_full(reader, buf) {
        Ok(got) if got == wanted => Ok(()),
        Ok(got) => Err(ReadError::Truncated { got, wanted }),
        Err(error) => Err(ReadError::Io(error)),
    }
}
// ANCHOR_END: read_full

// ANCHOR: write_all
/// Writes all of `bytes`, in as many writes as that takes.
///
/// Into a pipe, up to `PIPE_BUF` (4,096) bytes arrive in one piece; more may be interleaved with what others write.
///
/// # Errors
/// What `writer` says, except that EINTR is retried: EPIPE if nobody reads any more, WriteZero if it takes nothing.
pub fn write_all(writer: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match writer.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(len) => bytes = &bytes[len..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
// ANCHOR_END: write_all

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Truncated { got, wanted } => write!(
                f,
                "the stream ended after {got} of {wanted} bytes: did the process that wrote it die?"
            ),
            ReadError::Io(error) => write!(f, "a read failed: {error}"),
        }
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ReadError::Truncated { .. } => None,
            ReadError::Io(error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One byte at a time, and an interruption before each.
    struct Slow<'a>(&'a [u8], bool);

    impl Read for Slow<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::Interrupted.into());
            }
            let len = buf.len().min(1);
            self.0.read(&mut buf[..len])
        }
    }

    #[test]
    fn short_and_interrupted_reads_lose_nothing() {
        let mut buf = [0; 5];
        assert_eq!(read_full(&mut Slow(b"hello, you", false), &mut buf).ok(), Some(5));
        assert_eq!(&buf, b"hello");
        assert_eq!(read_full(&mut Slow(b"hi", false), &mut buf).ok(), Some(2));
        assert_eq!(read_full(&mut Slow(b"", false), &mut buf).ok(), Some(0));
        assert_eq!(read_full(&mut Slow(b"hi", false), &mut []).ok(), Some(0));
    }

    #[test]
    fn an_end_too_early_says_how_many_bytes_came() {
        for got in 0..5 {
            match read_exact(&mut &b"hello"[..got], &mut [0; 5]) {
                Err(ReadError::Truncated { got: seen, wanted: 5 }) => assert_eq!(seen, got),
                other => panic!("{other:?}"),
            }
        }
        read_exact(&mut &b"hello"[..], &mut [0; 5]).expect("all five");
    }

    /// Neither reads nor writes.
    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::from_raw_os_error(5))
        }
    }

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from_raw_os_error(32))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn other_errors_are_passed_on() {
        let error = read_exact(&mut Broken, &mut [0; 1]).expect_err("broken");
        assert_eq!(error.to_string(), "a read failed: Input/output error (os error 5)");
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.and_then(io::Error::raw_os_error), Some(5));
        let error = write_all(&mut Broken, b"x").expect_err("broken");
        assert_eq!(error.raw_os_error(), Some(32));
    }

    #[test]
    fn a_writer_that_takes_nothing_is_an_error_and_no_bytes_are_none() {
        let mut room = [0; 3];
        let error = write_all(&mut &mut room[..], b"hello").expect_err("no room");
        assert_eq!(error.kind(), ErrorKind::WriteZero);
        write_all(&mut Broken, b"").expect("nothing to write");
    }

    #[test]
    fn the_error_says_what_happened() {
        assert_eq!(
            ReadError::Truncated { got: 3, wanted: 8 }.to_string(),
            "the stream ended after 3 of 8 bytes: did the process that wrote it die?"
        );
    }
}
