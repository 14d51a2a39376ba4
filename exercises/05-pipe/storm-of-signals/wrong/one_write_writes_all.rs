//! WRONG_ANSWER: a blocking write waits for room until everything is written.

use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::unistd::{read, write};

/// How many bytes are read at once.
const PIECE_LEN: usize = 256 << 10;

/// Copies everything up to the end of `from` to `to`, and returns how many bytes that is.
///
/// Signals may come at any time. Their handlers run, and the copy is whole all the same.
///
/// # Errors
/// What `read` and `write` say.
pub fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> nix::Result<usize> {
    let mut piece = vec![0; PIECE_LEN];
    let mut copied = 0;
    loop {
        let len = match read(from, &mut piece) {
            Ok(len) => len,
            // Nothing was read, and nothing is lost.
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno),
        };
        if len == 0 {
            return Ok(copied);
        }
        while let Err(errno) = write(to, &piece[..len]) {
            if errno != Errno::EINTR {
                return Err(errno);
            }
        }
        copied += len;
    }
}
