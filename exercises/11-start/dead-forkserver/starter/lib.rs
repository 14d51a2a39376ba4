//! A process that forks workers on request, and may die at any time.

use std::io::{self, Read, Write};

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid, getppid};
use pipe::{ReadEnd, WriteEnd};
use wait::Child;

/// A forkserver, seen from the program: the process, and a pipe in each direction.
///
/// When this is dropped, the server is killed and waited for.
pub struct Server {
    process: Child,
    requests: WriteEnd,
    replies: ReadEnd,
}

impl Server {
    /// Forks the server. For each request it forks a worker, which runs `work` and ends with its result.
    ///
    /// A worker has no end of a pipe to or from the server. It is killed when the server ends, however that happens. The
    /// server waits for workers that have ended, at the latest when it makes the next one.
    ///
    /// # Errors
    /// If there can be no pipe or no process.
    pub fn start(work: fn() -> i32) -> io::Result<Server> {
        todo!("two pipes, and a process that makes a worker for each request")
    }

    /// The number of the server.
    pub fn pid(&self) -> Pid {
        self.process.pid()
    }

    /// Has the server make a worker, and returns the worker's number.
    ///
    /// # Errors
    /// If the server has ended before it has answered.
    pub fn worker(&mut self) -> io::Result<Pid> {
        todo!("ask, and wait for the answer or for the end")
    }
}
