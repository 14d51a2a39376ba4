//! Gates: a process says where it is and waits until the grader lets it go on.
//!
//! The small programs of the exercises call [`pass`] at the places that matter. Without a grader, when a reader runs the
//! program by hand, every gate is open and nothing is said.
//!
//! Each use connects to the grader's socket and closes the connection before it returns. So the program's table of
//! descriptors is the same before and after, and a process that was forked in between shares nothing with its parent
//! here. The kernel tells the grader which process has come; nobody can come in another's name.
//!
//! Invariant: a gate takes no part in what the program does. If the grader has gone, every gate is open. A process that
//! has no descriptor left for it is ended: it could pass every gate unseen.
//!
//! # References
//! man 7 unix, "Abstract sockets" and `SO_PEERCRED`.
#![forbid(unsafe_code)]

pub mod orders;
mod word;

pub use word::{Futex, Word};

use std::fmt::Display;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};

/// The environment variable that holds the name of the grader's abstract socket.
pub const VARIABLE: &str = "FORK_TO_POOL_GATE";

/// The longest message that a process can send, in bytes. Longer ones are cut.
pub const MESSAGE_LEN_MAX: usize = 64 * 1024;

/// Says that this process has come to the gate `name`, and waits until it may go on.
pub fn pass(name: &str) {
    ask(name);
}

/// Reports a value under a name, and goes on.
pub fn tell(name: &str, value: impl Display) {
    send(name, Some(&value.to_string()));
}

/// As [`pass`], and returns what the grader says; `None` without a grader or if it says nothing.
pub fn ask(name: &str) -> Option<String> {
    send(name, None).filter(|answer| !answer.is_empty())
}

/// The message is the number of the connection's descriptor and the name, with a value after a line feed. The answer ends
/// with the connection.
fn send(name: &str, value: Option<&str>) -> Option<String> {
    let socket = std::env::var(VARIABLE).ok()?;
    let address = SocketAddr::from_abstract_name(socket).ok()?;
    let mut stream = connect(&address)?;
    let mut message = format!("{} {name}", stream.as_raw_fd());
    if let Some(value) = value {
        message.push('\n');
        message.push_str(value);
    }
    let mut cut = message.len().min(MESSAGE_LEN_MAX);
    while !message.is_char_boundary(cut) {
        cut -= 1;
    }
    stream.write_all(&message.as_bytes()[..cut]).ok()?;
    stream.shutdown(std::net::Shutdown::Write).ok()?;
    let mut answer = String::new();
    // Retries EINTR, as write_all does.
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// What a process says that cannot come to a gate, because it has no descriptor left.
pub const NO_DESCRIPTOR: &str = "no descriptor is left to say where this process is";

/// `EMFILE` or `ENFILE`, whose numbers are the same on every Linux.
fn is_table_full(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

/// Connects; a signal or a queue that is full for a moment are no reasons to give up.
fn connect(address: &SocketAddr) -> Option<UnixStream> {
    loop {
        match UnixStream::connect_addr(address) {
            Ok(stream) => return Some(stream),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_table_full(&error) => {
                // Whoever has opened descriptors until there are none must not pass unseen.
                eprintln!("gate: {NO_DESCRIPTOR}: {error}");
                std::process::abort();
            }
            Err(_) => return None,
        }
    }
}
