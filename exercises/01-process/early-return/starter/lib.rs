//! How large the memory map of a process is, as `/proc/PID/status` says it.

use std::fs::File;
use std::io;
use std::os::fd::{IntoRawFd, RawFd};

/// The size of all address ranges that process `pid` may use, in KiB: the line `VmSize`.
///
/// # Errors
/// If nobody has this pid, or if the process has no memory any more, as a zombie.
pub fn mapped_kib(pid: i32) -> io::Result<u64> {
    let status = File::open(format!("/proc/{pid}/status"))?.into_raw_fd();
    let text = read_to_end(status)?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("VmSize:"))
        .ok_or_else(|| io::Error::other(format!("process {pid} has no memory map")))?;
    let kib = line.trim().trim_end_matches(" kB").parse().map_err(io::Error::other)?;
    // SAFETY: this function opened the descriptor, and does not use it any more.
    unsafe { libc::close(status) };
    Ok(kib)
}

/// All that can be read from a descriptor.
fn read_to_end(fd: RawFd) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut piece = [0_u8; 1024];
    loop {
        // SAFETY: `piece` is valid for a write of its length.
        let len = unsafe { libc::read(fd, piece.as_mut_ptr().cast(), piece.len()) };
        match usize::try_from(len) {
            Ok(0) => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Ok(len) => bytes.extend_from_slice(&piece[..len]),
            Err(_) => return Err(io::Error::last_os_error()),
        }
    }
}
