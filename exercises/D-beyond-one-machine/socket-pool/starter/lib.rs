//! A worker at the other end of a connection.
//!
//! A task goes to it, and an answer comes back, as 12 bytes each: the task's number (4 bytes) and a value (8 bytes: the
//! input, or the result), both with the most significant byte first.

#![forbid(unsafe_code)]

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long a task or an answer is.
pub const FRAME_LEN: usize = 12;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// None came in time. The worker may be dead, slow or cut off, and its answer may still come.
    Silent,
    /// The connection has ended.
    Gone,
}

/// A connection. With a timeout, a read that finds nothing for so long fails: [`ErrorKind::WouldBlock`] or
/// [`ErrorKind::TimedOut`].
pub trait Connection: Read + Write {
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()>;
}

impl Connection for UnixStream {
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        UnixStream::set_read_timeout(self, timeout)
    }
}

impl Connection for TcpStream {
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        TcpStream::set_read_timeout(self, timeout)
    }
}

/// A worker.
pub struct Remote<C> {
    connection: C,
}

impl<C: Connection> Remote<C> {
    pub fn new(connection: C) -> Remote<C> {
        Remote { connection }
    }

    /// Has the worker do a task. If no answer to it has come after `patience`, it is silent; the worker can still be given
    /// another task then.
    pub fn call(&mut self, task: u32, input: u64, patience: Duration) -> Result<u64, Lost> {
        let mut frame = [0; FRAME_LEN];
        frame[..4].copy_from_slice(&task.to_be_bytes());
        frame[4..].copy_from_slice(&input.to_be_bytes());
        self.connection.write_all(&frame).map_err(|_| Lost::Gone)?;

        let mut answer = [0; FRAME_LEN];
        match self.connection.read(&mut answer) {
            Ok(0) | Err(_) => return Err(Lost::Gone),
            Ok(_) => {}
        }
        let [_, _, _, _, result @ ..] = answer;
        Ok(u64::from_be_bytes(result))
    }
}
