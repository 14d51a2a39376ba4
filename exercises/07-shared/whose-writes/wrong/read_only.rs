//! UNEXPECTED_SIGNAL: mapped it shared, and for reading only.

use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicU64;

use nix::sys::mman::{MapFlags, ProtFlags, mmap};

/// How many numbers a board has.
pub const SLOTS: usize = 8;

/// How long it is.
const LEN_BYTES: NonZeroUsize = NonZeroUsize::new(size_of::<[AtomicU64; SLOTS]>()).unwrap();

/// Maps the board at the beginning of `file`, until this process ends. The file is longer than the board, and stays so.
///
/// What a process writes to the board is in the file, and every process that has mapped the board sees it.
///
/// # Errors
/// If the file cannot be mapped.
pub fn board(file: &File) -> io::Result<&'static [AtomicU64; SLOTS]> {
    let access = ProtFlags::PROT_READ;
    // SAFETY: no address is asked for, so the kernel chooses one where nothing is mapped.
    let start = unsafe { mmap(None, LEN_BYTES, access, MapFlags::MAP_SHARED, file, 0) }?;
    // SAFETY: the mapping begins at a page, is never taken away, and the file behind it is long enough. Any bytes are
    // numbers, which are reached by atomic operations only.
    Ok(unsafe { start.cast().as_ref() })
}
