//! WRONG_ANSWER: removed the name before the workers had opened it.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process;

use nix::sys::memfd::{MFdFlags, memfd_create};

/// A piece of memory that other processes can open, as long as they are told its path by the one that has made it.
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
        let path = PathBuf::from(format!("/dev/shm/no-name-left-{}", process::id()));
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        let board = Board { file, path };
        board.file.set_len(len_bytes)?;
        fs::remove_file(&board.path)?;
        Ok(board)
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
