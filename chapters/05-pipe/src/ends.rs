//! The two ends of a pipe, each a type of its own, so that none can be mistaken for the other.
//!
//! Invariant: an end owns its descriptor, and close-on-exec was set when the descriptor was made, so no program that
//! this process starts holds a pipe open by accident. A child made by `fork` holds both ends until it drops them.
//!
//! # References
//! man 7 pipe; man 2 pipe; man 7 signal, "Interruption of system calls", for EINTR.

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::uio::writev;
use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

// ANCHOR: pipe
/// A new pipe, both ends with close-on-exec.
///
/// ```
/// use std::io::{Read, Write};
///
/// let (mut reader, mut writer) = pipe::pipe()?;
/// writer.write_all(b"hello")?;
/// drop(writer);
/// let mut text = String::new();
/// reader.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// EMFILE or ENFILE if there are too many open descriptors, in this process or in the system.
///
/// # References
/// man 2 pipe.
pub fn pipe() -> io::Result<(ReadEnd, WriteEnd)> {
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    Ok((ReadEnd(read), WriteEnd(write)))
}

/// The end that bytes come out of. Reading ends when no process holds a write end any more.
#[derive(Debug)]
pub struct ReadEnd(OwnedFd);

/// The end that bytes go into. Writing fails with EPIPE when no process holds a read end any more.
///
/// That is so as long as SIGPIPE is ignored, as it is in every Rust program unless it says otherwise.
#[derive(Debug)]
pub struct WriteEnd(OwnedFd);
// ANCHOR_END: pipe

/// Waits until something is there and reads that, at least one byte; 0 at the end. EINTR is retried.
impl Read for ReadEnd {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        retry(|| nix::unistd::read(&self.0, buf))
    }
}

/// Waits until there is room and writes. EINTR is retried.
///
/// A blocking pipe takes all the bytes, unless a signal handler runs when it has taken some of them: then it says how
/// many. A non-blocking pipe takes what there is room for.
impl Write for WriteEnd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        retry(|| nix::unistd::write(&self.0, bytes))
    }

    /// As one write: up to `PIPE_BUF` bytes in all arrive in one piece.
    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        // The kernel refuses more parts than this; the caller goes on with the rest, as after any short write.
        let parts = &parts[..parts.len().min(IOV_MAX)];
        retry(|| writev(&self.0, parts))
    }

    /// There is no buffer to flush.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The most parts that one `writev` takes: UIO_MAXIOV in the kernel's include/uapi/linux/uio.h.
const IOV_MAX: usize = 1024;

// ANCHOR: retry
/// Calls again as long as a signal handler came between.
fn retry(mut call: impl FnMut() -> Result<usize, Errno>) -> io::Result<usize> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            done => return Ok(done?),
        }
    }
}
// ANCHOR_END: retry

macro_rules! descriptor {
    ($end:ty) => {
        impl AsFd for $end {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.0.as_fd()
            }
        }

        /// The caller vouches for the direction and for close-on-exec.
        impl From<OwnedFd> for $end {
            fn from(descriptor: OwnedFd) -> Self {
                Self(descriptor)
            }
        }

        impl From<$end> for OwnedFd {
            fn from(end: $end) -> Self {
                end.0
            }
        }
    };
}

descriptor!(ReadEnd);
descriptor!(WriteEnd);

#[cfg(test)]
mod tests {
    use super::*;
    use nix::fcntl::{FcntlArg, FdFlag, fcntl};
    use std::io::ErrorKind;

    #[test]
    fn an_interrupted_call_is_made_again_and_nothing_else_is() {
        let mut answers = [Err(Errno::EINTR), Err(Errno::EINTR), Ok(3), Ok(4)].into_iter();
        assert_eq!(retry(|| answers.next().expect("asked too often")).ok(), Some(3));
        assert_eq!(answers.len(), 1);
        let mut answers = [Err(Errno::EAGAIN), Ok(1)].into_iter();
        let error = retry(|| answers.next().expect("asked too often")).expect_err("EAGAIN");
        assert_eq!(error.raw_os_error(), Some(Errno::EAGAIN as i32));
        assert_eq!(answers.len(), 1);
    }

    #[test]
    fn both_ends_are_closed_by_exec() {
        let (reader, writer) = pipe().expect("pipe");
        for end in [reader.as_fd(), writer.as_fd()] {
            let flags = fcntl(end, FcntlArg::F_GETFD).expect("F_GETFD");
            assert!(FdFlag::from_bits_retain(flags).contains(FdFlag::FD_CLOEXEC));
        }
    }

    #[test]
    fn the_end_comes_behind_the_bytes_and_stays() {
        let (mut reader, mut writer) = pipe().expect("pipe");
        assert_eq!(writer.write(b"abc").expect("write"), 3);
        drop(writer);
        let mut buf = [0; 8];
        assert_eq!(reader.read(&mut buf).expect("read"), 3);
        for _ in 0..2 {
            assert_eq!(reader.read(&mut buf).expect("read at the end"), 0);
        }
    }

    #[test]
    fn without_a_reader_writing_fails() {
        let (reader, mut writer) = pipe().expect("pipe");
        drop(reader);
        let error = writer.write(b"abc").expect_err("nobody reads");
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        let error = writer.write_vectored(&[IoSlice::new(b"abc")]).expect_err("nobody reads");
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }

    #[test]
    fn more_parts_than_the_kernel_takes_are_a_short_write() {
        let (mut reader, mut writer) = pipe().expect("pipe");
        let parts = vec![IoSlice::new(b"x"); IOV_MAX + 1];
        assert_eq!(writer.write_vectored(&parts).expect("writev"), IOV_MAX);
        assert_eq!(reader.read(&mut [0; 2 * IOV_MAX]).expect("read"), IOV_MAX);
    }

    #[test]
    fn an_end_goes_to_a_descriptor_and_back() {
        let (reader, mut writer) = pipe().expect("pipe");
        let mut reader = ReadEnd::from(OwnedFd::from(reader));
        writer.write_all(b"x").expect("write");
        assert_eq!(reader.read(&mut [0; 4]).expect("read"), 1);
    }
}
