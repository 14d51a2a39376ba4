//! The grader's half of the gates: who has come, and letting them go on.
//!
//! Invariant: who stands at a gate is known from the kernel (`SO_PEERCRED`), and a connection that is broken, silent or
//! too long harms nobody but itself.
//!
//! # References
//! man 7 unix, `SO_PEERCRED` and "Abstract sockets".

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

use crate::look::AtGate;

/// The socket that the program's processes come to.
pub(crate) struct Gates {
    listener: UnixListener,
    name: String,
    arriving: Vec<Arriving>,
}

/// A connection whose message has not ended yet.
struct Arriving {
    stream: UnixStream,
    message: Vec<u8>,
}

/// A process that has come to a gate and waits.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) pid: i32,
    /// The gate's name.
    pub(crate) name: String,
    /// What it has to tell, if this is no gate but a report.
    pub(crate) value: Option<String>,
    /// The number that the socket has in the process.
    pub(crate) fd: i32,
    stream: UnixStream,
}

/// How many may be speaking at a time. Who comes beyond that is let through unheard.
const ARRIVING_MAX: usize = 256;

/// More than a message can be.
const MESSAGE_LEN_MAX: usize = gate::MESSAGE_LEN_MAX + 64;

impl Gates {
    pub(crate) fn open() -> io::Result<Gates> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // Abstract names belong to the network namespace, which containers may share, while their pids repeat.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let name = format!("fork-to-pool-gate-{}-{count}-{now:x}", std::process::id());
        let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        listener.set_nonblocking(true)?;
        Ok(Gates { listener, name, arriving: Vec::new() })
    }

    /// What the program finds in [`gate::VARIABLE`].
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What to poll for.
    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        std::iter::once(self.listener.as_fd())
            .chain(self.arriving.iter().map(|arriving| arriving.stream.as_fd()))
    }

    /// The processes that have come and not finished speaking.
    pub(crate) fn arriving(&self) -> Vec<i32> {
        self.arriving.iter().filter_map(|arriving| peer(&arriving.stream)).collect()
    }

    /// Takes whoever has come and finished speaking. Never waits.
    pub(crate) fn arrivals(&mut self) -> Vec<Arrival> {
        while let Ok((stream, _)) = self.listener.accept() {
            if self.arriving.len() < ARRIVING_MAX && stream.set_nonblocking(true).is_ok() {
                self.arriving.push(Arriving { stream, message: Vec::new() });
            }
        }
        let mut arrivals = Vec::new();
        let mut still = Vec::new();
        for mut arriving in self.arriving.drain(..) {
            match arriving.listen() {
                Heard::More => still.push(arriving),
                Heard::All => arrivals.extend(Arrival::new(arriving)),
                Heard::Nothing => {}
            }
        }
        self.arriving = still;
        arrivals
    }
}

/// What has become of a message.
enum Heard {
    /// It has not ended.
    More,
    /// It is complete.
    All,
    /// It never will be.
    Nothing,
}

impl Arriving {
    fn listen(&mut self) -> Heard {
        let mut bytes = [0; 4096];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return Heard::All,
                Ok(len) if self.message.len() + len <= MESSAGE_LEN_MAX => {
                    self.message.extend_from_slice(&bytes[..len]);
                }
                Ok(_) => return Heard::Nothing,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Heard::More,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Heard::Nothing,
            }
        }
    }
}

impl Arrival {
    fn new(arriving: Arriving) -> Option<Arrival> {
        let message = String::from_utf8(arriving.message).ok()?;
        let pid = peer(&arriving.stream)?;
        let (head, value) = match message.split_once('\n') {
            Some((head, value)) => (head, Some(value.to_owned())),
            None => (message.as_str(), None),
        };
        let (fd, name) = head.split_once(' ')?;
        Some(Arrival {
            pid,
            name: name.to_owned(),
            value,
            fd: fd.parse().ok()?,
            stream: arriving.stream,
        })
    }

    /// Where the process stands.
    pub(crate) fn gate(&self) -> AtGate {
        AtGate { pid: self.pid, fd: self.fd }
    }

    /// Whether this is a gate to which only the program itself comes.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self.name.as_str(), "start" | "end")
    }

    /// Lets the process go on, with an answer.
    pub(crate) fn answer(mut self, text: &str) {
        // Whoever has died meanwhile needs no answer, and an answer is shorter than a socket's buffer.
        let _ = self.stream.write_all(text.as_bytes());
    }
}

/// Who is at the other end, by what the kernel noted when it connected.
fn peer(stream: &UnixStream) -> Option<i32> {
    Some(getsockopt(stream, PeerCredentials).ok()?.pid())
}
