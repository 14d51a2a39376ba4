//! A board in memory, which workers open by its path.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process;

use nix::sys::memfd::{MFdFlags, memfd_create};

/// A piece of memory that other processes can open, as long as they are told its path by the one that has made it.
///
/// It has no name in any folder. Its path leads through the descriptor of this process. So there is nothing to remove: the
/// memory goes with the last process that has it, however that one ends.
pub struct Board {
    file: File,
    path: PathBuf,
}

impl Board {
    /// A new board of `len_bytes` zeros.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(len_bytes: u64) -> io::Result<Board> {
        let file = File::from(memfd_create("board", MFdFlags::MFD_CLOEXEC)?);
        file.set_len(len_bytes)?;
        let path = format!("/proc/{}/fd/{}", process::id(), file.as_raw_fd());
        Ok(Board { file, path: PathBuf::from(path) })
    }

    /// What a worker opens. It is a program of its own, and a child of this process.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The board, for this process.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Called once, when all workers have opened the path. Nobody else will.
    ///
    /// # Errors
    /// If this fails, the board is dropped.
    pub fn all_have_it(&mut self) -> io::Result<()> {
        Ok(())
    }
}
