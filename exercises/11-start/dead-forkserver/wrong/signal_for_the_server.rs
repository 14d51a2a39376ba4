//! ORPHAN: asks for the signal in the server, and thought that its children inherit that.

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
        let (from_program, requests) = pipe::pipe()?;
        let (replies, to_program) = pipe::pipe()?;
        let mut ours = Some((requests, replies));
        let programs = &mut ours;
        // The server's ends move into the closure, so the program has none of them when this returns.
        let process = Child::fork(move || {
            drop(programs.take());
            serve(from_program, to_program, work)
        });
        let process = process.map_err(io::Error::other)?;
        let (requests, replies) = ours.ok_or(io::ErrorKind::Other)?;
        Ok(Server { process, requests, replies })
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
        self.requests.write_all(&[0])?;
        let mut pid = [0; size_of::<i32>()];
        pipe::read_exact(&mut self.replies, &mut pid).map_err(io::Error::other)?;
        Ok(Pid::from_raw(i32::from_ne_bytes(pid)))
    }
}

/// The life of the server: one worker for each byte, until there are no more.
fn serve(requests: ReadEnd, replies: WriteEnd, work: fn() -> i32) -> i32 {
    let server = getpid();
    if set_pdeathsig(Signal::SIGKILL).is_err() {
        return 1;
    }
    let mut ends = Some((requests, replies));
    loop {
        let Some((requests, _)) = &mut ends else { return 1 };
        if !requests.read(&mut [0]).is_ok_and(|len| len == 1) {
            return 0;
        }
        while waitpid(None, Some(WaitPidFlag::WNOHANG))
            .is_ok_and(|status| status != WaitStatus::StillAlive)
        {}
        let worker = fork::fork(|| {
            drop(ends.take());
            work()
        });
        let (Ok(worker), Some((_, replies))) = (worker, &mut ends) else { return 1 };
        if replies.write_all(&worker.as_raw().to_ne_bytes()).is_err() {
            return 1;
        }
    }
}
