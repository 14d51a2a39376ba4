//! What kills a worker's whole process group when the program ends, in whatever way.
//!
//! A worker has a death signal for its parent's end; the children that its tasks start have none. So each worker has a
//! tether: a pair of connected sockets. The *held* end is the program's, close-on-exec. The *tied* end asks the kernel
//! to send SIGKILL to the worker's process group when something happens to it (`O_ASYNC`, `F_SETOWN`, `F_SETSIG`).
//! Nothing is ever sent to it, so the one thing that can happen is that its peer is closed: by the program, or by the
//! kernel when the last process that holds the held end has ended.
//!
//! The tied end must not be closed before that, and a worker cannot be trusted with it: the thread that is its parent
//! may end before the program's descriptors are closed, then the worker is dead first; and a task may close any
//! descriptor. So no process has the tied end. It lies in a message that nobody reads, in the queue of the held end.
//! Before the kernel throws that queue away, it tells the peer.
//!
//! Order: the program puts the tied end into the queue, gives the worker a copy, and closes its own. The worker ties it
//! to its group before anything of the program's runs there, and closes its copy; owner and signal belong to the open
//! file, so they stay. The program may die in between: then the worker's death signal, which was set before, ends it.
//!
//! Invariant: a group is killed only while it is the worker's. The kernel keeps the group itself as the owner, not its
//! number, so a later group that gets the same number is a stranger to this tether. The supervisor drops its end when
//! it has killed the group and reaped the worker; that signal finds what is left of this very group, or nobody.
//!
//! What it cannot do: a copy of the program that somebody else has made by `fork` holds the held ends too, so as long
//! as that copy lives only the workers die with the program, by their death signal, and not their children. A child
//! that has left the group (`setsid`) is its own master. The message counts as one descriptor on its way, of which a
//! user without privileges may have as many as RLIMIT_NOFILE says, in all programs together.
//!
//! # References
//! man 2 F_SETOWN and man 2 F_SETSIG (`fcntl`), O_ASYNC; man 7 unix, "Ancillary messages", `ETOOMANYREFS`; the kernel's
//! `net/unix/af_unix.c`, `unix_release_sock`, and `fs/fcntl.c`, `f_setown` and `send_sigio`.

use crate::limit::{os, refused};
use executor::PoolError;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::getpgrp;
use shared::passing;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// The number of the command, which `libc` has for Android alone. It is the same on every architecture but PA-RISC.
const F_SETSIG: libc::c_int = 10;

/// The program's end: when the last copy is closed, the group is killed.
#[derive(Debug)]
pub(crate) struct Tether {
    _held: OwnedFd,
}

/// The other end, until the worker has got its copy.
#[derive(Debug)]
pub(crate) struct Tied(OwnedFd);

impl Tether {
    /// A tether that is not tied yet. What is returned beside it is for the worker.
    pub(crate) fn new() -> Result<(Tether, Tied), PoolError> {
        let (held, tied) = passing::socket_pair().map_err(os("socketpair"))?;
        passing::send(tied.as_fd(), &[], &[tied.as_fd()])
            .map_err(|error| refused("sendmsg", error))?;
        Ok((Tether { _held: held }, Tied(tied)))
    }
}

impl AsFd for Tied {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// In the worker: its group, which it leads, dies with the program from now on.
///
/// # Errors
/// Where a sandbox does not let a socket signal a group. The worker itself has its death signal all the same.
pub(crate) fn tie(tied: OwnedFd) -> io::Result<()> {
    set(&tied, libc::F_SETOWN, -getpgrp().as_raw())?;
    set(&tied, F_SETSIG, libc::SIGKILL)?;
    let flags = OFlag::from_bits_retain(fcntl(&tied, FcntlArg::F_GETFL)?);
    fcntl(&tied, FcntlArg::F_SETFL(flags | OFlag::O_ASYNC))?;
    Ok(())
}

fn set(file: &OwnedFd, command: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: both commands that are used here take a number and touch no memory of this process.
    let done = unsafe { libc::fcntl(file.as_raw_fd(), command, value) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
