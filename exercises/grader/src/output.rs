//! What the program prints: read as it comes, counted without end, kept up to a limit.

use std::fs::File;
use std::io::{ErrorKind, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// How much is read before the grader looks after other things, in bytes.
const TURN_MAX: usize = 1 << 20;

/// One stream of a program.
pub(crate) struct Output {
    pipe: Option<File>,
    kept: Vec<u8>,
    kept_max: usize,
    /// All that has come.
    pub(crate) len: u64,
}

impl Output {
    /// Reads `pipe`, and keeps `kept_max` bytes.
    pub(crate) fn new(pipe: PipeReader, kept_max: usize) -> std::io::Result<Output> {
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Output {
            pipe: Some(File::from(OwnedFd::from(pipe))),
            kept: Vec::new(),
            kept_max,
            len: 0,
        })
    }

    /// What to poll for, until the stream has ended.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(File::as_fd)
    }

    /// Takes what is there. Never waits.
    pub(crate) fn take(&mut self) {
        let mut bytes = [0; 64 * 1024];
        let mut turn = 0;
        while turn < TURN_MAX {
            let Some(pipe) = &mut self.pipe else { return };
            match pipe.read(&mut bytes) {
                Ok(0) => self.pipe = None,
                Ok(len) => {
                    turn += len;
                    self.len += len as u64;
                    let room = self.kept_max - self.kept.len();
                    self.kept.extend_from_slice(&bytes[..len.min(room)]);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.pipe = None,
            }
        }
    }

    /// What has come and was kept. Bytes that are not UTF-8 are replaced by U+FFFD.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.kept).into_owned()
    }
}
