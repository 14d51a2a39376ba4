//! Gates: a task says that it runs, and waits until the program lets it go on.
//!
//! A gate is an abstract socket. Its name travels as an argument, so it works for a worker however it was started, and
//! nothing has to be removed afterwards. A connection that ends opens the gate: if the program dies, no task hangs.
//!
//! # References
//! man 7 unix, "Abstract sockets".

use std::io::{self, ErrorKind, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a gate waits for somebody who is sure to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a task does that meets an open gate: nothing, it goes on.
pub(crate) const GO_ON: u8 = b'g';
/// The task ends its worker by `exit(3)`.
pub(crate) const EXIT: u8 = b'e';
/// The task panics.
pub(crate) const PANIC: u8 = b'p';

/// The program's side.
#[derive(Debug)]
pub(crate) struct Gate {
    listener: UnixListener,
    name: String,
}

impl Gate {
    pub(crate) fn new() -> Gate {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("procpool-test-{}-{number}", process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a short name");
        let listener = UnixListener::bind_addr(&address).expect("a name that is free");
        listener.set_nonblocking(true).expect("a socket");
        Gate { listener, name }
    }

    /// What a task needs to find the gate.
    pub(crate) fn name(&self) -> String {
        self.name.clone()
    }

    /// The next task that has come.
    ///
    /// # Panics
    /// If none comes for a minute.
    pub(crate) fn arrival(&self) -> Arrival {
        let ends_at = Instant::now() + PATIENCE;
        loop {
            if let Some(arrival) = self.try_arrival() {
                return arrival;
            }
            assert!(Instant::now() < ends_at, "no task has come to the gate");
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// The next task, if one has come.
    pub(crate) fn try_arrival(&self) -> Option<Arrival> {
        let mut stream = match self.listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) => panic!("accept: {error}"),
        };
        stream.set_nonblocking(false).expect("a socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let mut pid = [0; 4];
        // A worker that is killed on its way has not come.
        stream.read_exact(&mut pid).ok()?;
        Some(Arrival { stream, pid: u32::from_le_bytes(pid) })
    }
}

/// A task that waits at a gate. Dropping it lets the task go on.
#[derive(Debug)]
pub(crate) struct Arrival {
    stream: UnixStream,
    /// The worker that runs it.
    pub(crate) pid: u32,
}

impl Arrival {
    /// Tells the task how to go on: [`GO_ON`], [`EXIT`], [`PANIC`].
    pub(crate) fn answer(mut self, how: u8) {
        // The worker may have been killed while it waited.
        let _ = self.stream.write_all(&[how]);
    }
}

/// The task's side: says who it is, waits, and does as it is told.
fn meet(name: &str) -> io::Result<()> {
    let address = SocketAddr::from_abstract_name(name)?;
    let mut stream = UnixStream::connect_addr(&address)?;
    stream.write_all(&process::id().to_le_bytes())?;
    let mut how = [GO_ON];
    let _ = stream.read(&mut how)?;
    match how[0] {
        EXIT => process::exit(3),
        PANIC => panic!("told to panic"),
        _ => Ok(()),
    }
}

/// A task that waits at a gate and returns the process id of its worker.
pub(crate) fn pass(name: String) -> u32 {
    meet(&name).expect("the gate stands as long as the case runs");
    process::id()
}

/// As [`pass`], if there is a gate; in any case returns the number that it was given.
pub(crate) fn pass_if_any((name, number): (Option<String>, u32)) -> u32 {
    if let Some(name) = name {
        pass(name);
    }
    number
}
