//! A segment that another process has sent, looked at before it is mapped.

use std::fs::File;
use std::io;

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{SealFlags, fcntl_get_seals};

/// Maps the first `len_bytes` of a segment from another process, shared, for reading and writing.
///
/// The sender says how long the segment is, and may be wrong. Whatever it does to its file, now or later, a touch of the
/// mapping is no SIGBUS.
///
/// # Errors
/// If the file is shorter than that, or can be made so.
pub fn accept(file: &File, len_bytes: usize) -> io::Result<MmapRaw> {
    // The seals first: only then does the length stay true.
    if !fcntl_get_seals(file)?.contains(SealFlags::SHRINK) {
        return Err(io::Error::other("it can be made shorter"));
    }
    if file.metadata()?.len() < len_bytes as u64 {
        return Err(io::Error::other("it is shorter than its sender says"));
    }
    MmapOptions::new().len(len_bytes).map_raw(file)
}
