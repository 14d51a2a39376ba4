//! LEAKED_FD: takes the first descriptor, and thought that what is not taken is not there.

use std::io::{self, ErrorKind, IoSlice};
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};

/// Sends a descriptor. From then on it is the receiver's: nothing of it stays open here, whether or not it was sent.
///
/// # Errors
/// What the kernel says if it cannot be sent.
pub fn hand_over(socket: BorrowedFd<'_>, descriptor: OwnedFd) -> io::Result<()> {
    send(socket, &[descriptor.as_raw_fd()])
}

/// Receives one descriptor, which has close-on-exec.
///
/// # Errors
/// [`ErrorKind::UnexpectedEof`] if the peer has closed its socket. [`ErrorKind::InvalidData`] if the message has brought
/// no descriptor, or more than one, or if not all that it had could be opened here. Nothing of such a message stays open.
pub fn take_over(socket: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let message = receive(socket, libc::MSG_CMSG_CLOEXEC)?;
    if message.len == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    match message.numbers.first() {
        // SAFETY: the kernel has just opened it for this process, and nobody else knows the number.
        Some(number) => Ok(unsafe { OwnedFd::from_raw_fd(*number) }),
        None => Err(ErrorKind::InvalidData.into()),
    }
}

/// Sends one byte and these descriptors.
fn send(socket: BorrowedFd<'_>, numbers: &[RawFd]) -> io::Result<()> {
    let control = [ControlMessage::ScmRights(numbers)];
    let bytes = [IoSlice::new(&[0])];
    sendmsg::<()>(socket.as_raw_fd(), &bytes, &control, MsgFlags::MSG_NOSIGNAL, None)?;
    Ok(())
}

/// What a message has brought, as the kernel leaves it.
struct Message {
    /// How many bytes; 0 at the end, when the peer has closed its socket.
    len: usize,
    /// Descriptors that are open in this process now. Nobody owns them.
    numbers: Vec<RawFd>,
    /// Whether it had descriptors that were not opened, because there was no room for them.
    is_truncated: bool,
}

/// Receives a message, with room for the control part that holds one descriptor. `flags` are those of `recvmsg`.
fn receive(socket: BorrowedFd<'_>, flags: libc::c_int) -> io::Result<Message> {
    let mut byte = 0_u8;
    let mut bytes = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    // CMSG_SPACE of one number: a header of 16 bytes, and 4 bytes that are filled up to 8.
    let mut control = [0_u64; 3];
    // SAFETY: all zeroes is a header without anything.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_iov = &raw mut bytes;
    header.msg_iovlen = 1;
    header.msg_control = (&raw mut control).cast();
    header.msg_controllen = size_of_val(&control);
    // SAFETY: the header names two buffers, with their lengths, that live until this function returns.
    let len = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) };
    let len = usize::try_from(len).map_err(|_| io::Error::last_os_error())?;

    let mut numbers = Vec::new();
    // SAFETY: the kernel has filled in the header.
    let part = unsafe { libc::CMSG_FIRSTHDR(&raw const header) };
    // SAFETY: it is null, or points to the head of a part, which is aligned as `control` is.
    if let Some(head) = unsafe { part.as_ref() } {
        // SAFETY: there is a part, and its data follow its head.
        let data = unsafe { libc::CMSG_DATA(part) };
        let head_len = data.addr() - part.addr();
        let data_len = head.cmsg_len - head_len;
        // SAFETY: the kernel has written as many bytes as the head says, into `control`.
        let data = unsafe { std::slice::from_raw_parts(data, data_len) };
        let (all, _) = data.as_chunks();
        numbers.extend(all.iter().map(|bytes| RawFd::from_ne_bytes(*bytes)));
    }
    Ok(Message { len, numbers, is_truncated: header.msg_flags & libc::MSG_CTRUNC != 0 })
}
