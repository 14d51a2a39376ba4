//! Messages in a stream of bytes: 8 bytes of length, little-endian, then that many bytes.
//!
//! Invariant: after a frame was read or written whole, the stream stands at the beginning of the next one. After an
//! error nobody knows where it stands: the stream must be given up. (The one exception: a payload that `write` finds
//! too long leaves the stream as it was.) So the stream must be a blocking one: EAGAIN in the middle is an error, too.
//!
//! The header is 64 bits wide so that no payload that fits in memory needs another format, and little-endian so that
//! it means the same on every machine.
//!
//! # References
//! man 7 pipe, "PIPE_BUF"; man 2 writev.

use crate::read_full;
use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind, IoSlice, Read, Write};

/// Bytes of a header.
pub const HEADER_LEN: usize = 8;

/// The first piece of a payload, in bytes: a length costs no more memory than this before the bytes are there.
const PIECE_LEN: usize = 64 << 10;

/// Why a frame could not be read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum FrameError {
    /// The stream ended inside a frame: the other side died or lost count.
    Truncated {
        /// Bytes of the header or of the payload that came.
        got: u64,
        /// Bytes that it should have.
        wanted: u64,
    },
    /// The frame is longer than what the caller accepts: hostile, damaged, or a limit that is too low.
    Oversized {
        /// The payload's length in bytes, as the header says.
        len: u64,
        /// What is accepted.
        len_max: u64,
    },
    /// The stream itself failed.
    Io(io::Error),
}

// ANCHOR: write
/// Writes `payload` as one frame.
///
/// Into a [`WriteEnd`](crate::WriteEnd), header and payload go in one system call, so a frame of up to 4,096 bytes,
/// header included, arrives in one piece even if others write into the same pipe. Another writer may take them one
/// after the other: it does if it has no `write_vectored` of its own.
///
/// ```
/// use pipe::frame;
///
/// let mut stream = Vec::new();
/// frame::write(&mut stream, b"hello", 100)?;
/// assert_eq!(stream, b"\x05\0\0\0\0\0\0\0hello");
/// assert_eq!(frame::read(&mut stream.as_slice(), 100)?, Some(b"hello".to_vec()));
/// # Ok::<(), frame::FrameError>(())
/// ```
///
/// # Errors
/// [`FrameError::Oversized`] above `len_max` bytes, and then nothing was written; [`FrameError::Io`] if the stream
/// fails, EPIPE if nobody reads.
pub fn write(writer: &mut impl Write, payload: &[u8], len_max: u64) -> Result<(), FrameError> {
    let len = payload.len() as u64;
    if len > len_max {
        return Err(FrameError::Oversized { len, len_max });
    }
    let header = len.to_le_bytes();
    let mut parts = [IoSlice::new(&header), IoSlice::new(payload)];
    write_parts(writer, &mut parts).map_err(FrameError::Io)
}

/// Writes all of `parts`, in as many writes as that takes.
fn write_parts(writer: &mut impl Write, mut parts: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !parts.is_empty() {
        match writer.write_vectored(parts) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            // This also takes off an empty payload, once the header is gone.
            Ok(len) => IoSlice::advance_slices(&mut parts, len),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
// ANCHOR_END: write

// ANCHOR: read
/// Reads one frame of at most `len_max` bytes; `None` if the stream ends before it, which is a good end.
///
/// Memory is taken as bytes arrive, not as the header promises: room for twice what has arrived, or for 64 KiB. While
/// the payload moves to a larger place, the old one is still there, and the two have three times what has arrived.
///
/// # Errors
/// [`FrameError::Truncated`] if the stream ends inside the frame, [`FrameError::Oversized`] if the header says more
/// than `len_max`, [`FrameError::Io`] if the stream fails or there is no memory for what arrives.
pub fn read(reader: &mut impl Read, len_max: u64) -> Result<Option<Vec<u8>>, FrameError> {
    let mut header = [0; HEADER_LEN];
    match read_full(reader, &mut header).map_err(FrameError::Io)? {
        0 => return Ok(None),
        HEADER_LEN => {}
        got => {
            return Err(FrameError::Truncated { got: got as u64, wanted: HEADER_LEN as u64 });
        }
    }
    let len = u64::from_le_bytes(header);
    if len > len_max {
        return Err(FrameError::Oversized { len, len_max });
    }
    read_payload(reader, len).map(Some)
}

fn read_payload(reader: &mut impl Read, len: u64) -> Result<Vec<u8>, FrameError> {
    let mut payload = Vec::new();
    loop {
        let got = payload.len();
        let missing = usize::try_from(len - got as u64).unwrap_or(usize::MAX);
        if missing == 0 {
            return Ok(payload);
        }
        // As much again as has arrived, so that a long payload is moved to a larger place only a few times.
        let piece = missing.min(got.max(PIECE_LEN));
        payload.try_reserve_exact(piece).map_err(|error| FrameError::Io(error.into()))?;
        payload.resize(got + piece, 0);
        let more = read_full(reader, &mut payload[got..]).map_err(FrameError::Io)?;
        if more < piece {
            return Err(FrameError::Truncated { got: (got + more) as u64, wanted: len });
        }
    }
}
// ANCHOR_END: read

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Truncated { got, wanted } => write!(
                f,
                "the stream ended after {got} of {wanted} bytes of a frame: did the process that wrote it die?"
            ),
            FrameError::Oversized { len, len_max } => write!(
                f,
                "a frame of {len} bytes, and at most {len_max} are accepted: raise the limit on both sides, or the \
                 stream is damaged"
            ),
            FrameError::Io(error) => write!(f, "a frame could not be moved: {error}"),
        }
    }
}

impl Error for FrameError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            FrameError::Io(error) => Some(error),
            FrameError::Truncated { .. } | FrameError::Oversized { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives `stream` and remembers the longest piece that it was asked for.
    struct Asked<'a> {
        stream: &'a [u8],
        longest: usize,
    }

    impl Read for Asked<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.longest = self.longest.max(buf.len());
            self.stream.read(buf)
        }
    }

    /// A header that promises `len` bytes, and `there` bytes behind it.
    fn frame_of(len: u64, there: usize) -> Vec<u8> {
        [&len.to_le_bytes()[..], &vec![7; there]].concat()
    }

    #[test]
    fn a_promise_costs_no_memory() {
        for there in [0, 1, PIECE_LEN, 10 * PIECE_LEN] {
            let stream = frame_of(u64::MAX, there);
            let mut reader = Asked { stream: &stream, longest: 0 };
            match read(&mut reader, u64::MAX) {
                Err(FrameError::Truncated { got, wanted: u64::MAX }) => {
                    assert_eq!(got, there as u64);
                }
                other => panic!("{other:?}"),
            }
            assert!(reader.longest <= there.max(PIECE_LEN), "{there}: {}", reader.longest);
        }
    }

    #[test]
    fn a_payload_takes_exactly_its_length() {
        for len in [0, 1, PIECE_LEN - 1, PIECE_LEN, PIECE_LEN + 1, 5 * PIECE_LEN + 3] {
            let stream = frame_of(len as u64, len);
            let payload = read(&mut &stream[..], len as u64).expect("whole").expect("a frame");
            assert_eq!((payload.len(), payload.capacity()), (len, len));
        }
    }

    /// Takes one byte at a time, and is interrupted before each.
    struct Slow(Vec<u8>, bool);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::Interrupted.into());
            }
            self.0.extend(bytes.first());
            Ok(bytes.len().min(1))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn short_and_interrupted_writes_lose_nothing() {
        for payload in [&b""[..], b"x", b"hello"] {
            let mut slow = Slow(Vec::new(), false);
            write(&mut slow, payload, 5).expect("written");
            let mut whole = Vec::new();
            write(&mut whole, payload, 5).expect("written");
            assert_eq!(slow.0, whole);
        }
    }

    #[test]
    fn a_writer_that_takes_nothing_is_an_error() {
        let mut room = [0; 10];
        let error = write(&mut &mut room[..], b"hello", 5).expect_err("no room");
        assert!(matches!(error, FrameError::Io(error) if error.kind() == ErrorKind::WriteZero));
    }

    #[test]
    fn the_longest_payload_that_is_accepted_passes_and_one_byte_more_does_not() {
        let mut stream = Vec::new();
        write(&mut stream, b"hello", 5).expect("5 of 5");
        let too_long = write(&mut stream, b"hello!", 5).expect_err("6 of 5");
        assert!(matches!(too_long, FrameError::Oversized { len: 6, len_max: 5 }));
        assert_eq!(stream.len(), HEADER_LEN + 5, "nothing was written");
        assert_eq!(read(&mut &stream[..], 5).expect("5 of 5"), Some(b"hello".to_vec()));
        let too_long = read(&mut &stream[..], 4).expect_err("5 of 4");
        assert!(matches!(too_long, FrameError::Oversized { len: 5, len_max: 4 }));
    }

    #[test]
    fn each_error_says_what_happened_and_what_to_do() {
        assert_eq!(
            FrameError::Truncated { got: 3, wanted: 8 }.to_string(),
            "the stream ended after 3 of 8 bytes of a frame: did the process that wrote it die?"
        );
        assert_eq!(
            FrameError::Oversized { len: 6, len_max: 5 }.to_string(),
            "a frame of 6 bytes, and at most 5 are accepted: raise the limit on both sides, or the stream is damaged"
        );
        let error = FrameError::Io(io::Error::from_raw_os_error(32));
        assert_eq!(error.to_string(), "a frame could not be moved: Broken pipe (os error 32)");
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.and_then(io::Error::raw_os_error), Some(32));
    }
}
