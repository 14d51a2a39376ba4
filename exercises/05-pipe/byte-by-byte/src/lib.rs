//! Frames from a stream that gives as few bytes at a time as it likes, and may lie.

use std::io::{self, ErrorKind, Read};

/// Reads one frame: 4 bytes of length, little-endian, and then that many bytes. Returns those, without the length.
///
/// `None` says that the stream has ended before the first byte of a frame, which is a good end. No byte behind the
/// frame is taken from `reader`.
///
/// # Errors
/// - [`ErrorKind::UnexpectedEof`] if the stream ends inside the frame: its writer has died.
/// - [`ErrorKind::InvalidData`] if the length is more than `len_max`. Then nothing behind the length was read.
/// - What `reader` says. A read that was interrupted ([`ErrorKind::Interrupted`]) is no error: it is made again.
pub fn read_frame(reader: &mut impl Read, len_max: u32) -> io::Result<Option<Vec<u8>>> {
    todo!()
}
