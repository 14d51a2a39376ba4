//! WRONG_ANSWER: closed it on every path, and on the way took another line, for what is in memory.

use std::fs::File;
use std::io::{self, Read};

/// The size of all address ranges that process `pid` may use, in KiB: the line `VmSize`.
///
/// # Errors
/// If nobody has this pid, or if the process has no memory any more, as a zombie.
pub fn mapped_kib(pid: i32) -> io::Result<u64> {
    // The `File` owns the descriptor and closes it wherever this function is left.
    let mut status = File::open(format!("/proc/{pid}/status"))?;
    let mut bytes = Vec::new();
    status.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .ok_or_else(|| io::Error::other(format!("process {pid} has no memory map")))?;
    line.trim().trim_end_matches(" kB").parse().map_err(io::Error::other)
}
