//! WRONG_ANSWER: dropped the half of an answer when it gave up, and took the other half for the beginning of one.

#![forbid(unsafe_code)]

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

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
    /// What has come of an answer that is not whole.
    received: Vec<u8>,
}

impl<C: Connection> Remote<C> {
    pub fn new(connection: C) -> Remote<C> {
        Remote { connection, received: Vec::new() }
    }

    /// Has the worker do a task. If no answer to it has come after `patience`, it is silent; the worker can still be given
    /// another task then.
    pub fn call(&mut self, task: u32, input: u64, patience: Duration) -> Result<u64, Lost> {
        let mut frame = [0; FRAME_LEN];
        frame[..4].copy_from_slice(&task.to_be_bytes());
        frame[4..].copy_from_slice(&input.to_be_bytes());
        self.connection.write_all(&frame).map_err(|_| Lost::Gone)?;

        self.received.clear();
        let deadline = Instant::now() + patience;
        loop {
            let (answered, result) = self.answer(deadline)?;
            // A late answer to an earlier task is nobody's any more.
            if answered == task {
                return Ok(result);
            }
        }
    }

    /// The next whole answer: its task's number and its result.
    fn answer(&mut self, deadline: Instant) -> Result<(u32, u64), Lost> {
        while self.received.len() < FRAME_LEN {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Lost::Silent);
            }
            self.connection.set_read_timeout(Some(left)).map_err(|_| Lost::Gone)?;
            let mut bytes = [0; FRAME_LEN];
            let room = FRAME_LEN - self.received.len();
            match self.connection.read(&mut bytes[..room]) {
                Ok(0) => return Err(Lost::Gone),
                Ok(len) => self.received.extend_from_slice(&bytes[..len]),
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => return Err(Lost::Silent),
                    _ => return Err(Lost::Gone),
                },
            }
        }
        let mut frame = [0; FRAME_LEN];
        frame.copy_from_slice(&self.received);
        self.received.clear();
        let [a, b, c, d, result @ ..] = frame;
        Ok((u32::from_be_bytes([a, b, c, d]), u64::from_be_bytes(result)))
    }
}
