//! PRIVATE_MAPPING: thought that a reference is shared with a forked process as it is with a thread.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::AtomicU64;

/// How many numbers a board has.
pub const SLOTS: usize = 8;

/// Maps the board at the beginning of `file`, until this process ends. The file is longer than the board, and stays so.
///
/// What a process writes to the board is in the file, and every process that has mapped the board sees it.
///
/// # Errors
/// If the file cannot be mapped.
pub fn board(file: &File) -> io::Result<&'static [AtomicU64; SLOTS]> {
    let mut board = [const { AtomicU64::new(0) }; SLOTS];
    let mut number = [0; 8];
    for (slot, offset) in board.iter_mut().zip((0..).step_by(8)) {
        file.read_exact_at(&mut number, offset)?;
        *slot.get_mut() = u64::from_ne_bytes(number);
    }
    Ok(Box::leak(Box::new(board)))
}
