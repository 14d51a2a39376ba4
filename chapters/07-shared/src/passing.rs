//! Descriptors that travel to another process, beside the bytes of a message.
//!
//! A descriptor is a number that means something in one process only. In the control part of a message on a Unix
//! socket the kernel translates it: the receiver gets a descriptor, with a number of its own, of the same open file.
//!
//! Invariant: every descriptor that arrives is owned from the moment it is there and has close-on-exec, so whatever
//! goes wrong afterwards closes it.
//!
//! # References
//! man 7 unix, "Ancillary messages"; man 3 cmsg; man 2 recvmsg.

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg,
    sendmsg, socketpair,
};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

pub use crate::wire::{collect, provide};

/// The most descriptors in one message: `SCM_MAX_FD` in the kernel's `include/net/scm.h`.
pub const DESCRIPTORS_MAX: usize = 253;

/// Room for the control part of the largest message.
const CONTROL_LEN: usize = rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX));

/// Two connected sockets that keep messages apart: one `send` is one `receive`.
///
/// ```
/// use shared::passing;
/// use std::io::Read;
/// use std::os::fd::AsFd;
///
/// let (here, there) = passing::socket_pair()?;
/// let file = std::fs::File::open("/proc/self/stat")?;
/// passing::send(here.as_fd(), b"read this", &[file.as_fd()])?;
///
/// let mut buffer = [0; 64];
/// let mut message = passing::receive(there.as_fd(), &mut buffer)?;
/// assert_eq!(&buffer[..message.len], b"read this");
/// let mut same = std::fs::File::from(message.descriptors.remove(0));
/// assert!(same.read(&mut buffer)? > 0);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// EMFILE or ENFILE if there are too many open descriptors, in this process or in the
/// system.
///
/// # References
/// man 2 socketpair; man 7 unix.
pub fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC;
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

/// Sends one message. The descriptors stay open here; the message has its own.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for a message with neither bytes nor descriptors, which
/// the receiver would take for the end, and for more than [`DESCRIPTORS_MAX`]; EPIPE if
/// the peer is gone; EMSGSIZE if the message is longer than the socket's buffer;
/// ETOOMANYREFS if more descriptors are under way than this user may have open.
pub fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    if bytes.is_empty() && descriptors.is_empty() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "a message of nothing"));
    }
    let mut space = [MaybeUninit::uninit(); CONTROL_LEN];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            format!("{} descriptors in one message: at most 253 can travel", descriptors.len()),
        ));
    }
    loop {
        match sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL) {
            Err(Errno::INTR) => {}
            // On a socket that keeps messages apart, all of it went or nothing.
            sent => return Ok(sent.map(drop)?),
        }
    }
}

/// What one message brought.
#[derive(Debug)]
pub struct Received {
    /// So many bytes are in the buffer. 0 without descriptors: the peer is gone.
    pub len: usize,
    /// In the order in which they were sent.
    pub descriptors: Vec<OwnedFd>,
}

// ANCHOR: receive
/// Waits for one message.
///
/// # Errors
/// [`ErrorKind::InvalidData`] if the message is longer than `buffer`, or if not all of
/// its descriptors could be opened here (`ulimit -n`). Such a message is lost, and what
/// came of its descriptors is closed.
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Received> {
    let mut space = [MaybeUninit::uninit(); CONTROL_LEN];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message = loop {
        let mut parts = [IoSliceMut::new(buffer)];
        match recvmsg(socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            // The peer has closed with messages of ours unread. What it has sent before is
            // still here, and behind it the end.
            Err(Errno::CONNRESET) => {}
            done => break done?,
        }
    };
    // Owned before the first error can be returned.
    let descriptors = control
        .drain()
        .filter_map(|part| match part {
            RecvAncillaryMessage::ScmRights(rights) => Some(rights),
            _ => None,
        })
        .flatten()
        .collect();
    if message.flags.contains(ReturnFlags::TRUNC) {
        return Err(lost("it is longer than the buffer for it"));
    }
    if message.flags.contains(ReturnFlags::CTRUNC) {
        return Err(lost("its descriptors could not all be opened: see `ulimit -n`"));
    }
    Ok(Received { len: message.bytes, descriptors })
}
// ANCHOR_END: receive

fn lost(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("a message with descriptors is lost: {why}"))
}
