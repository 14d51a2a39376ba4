//! What a sleeping process waits for, deduced from its pipes, where `/proc/PID/syscall` may not be read.
//!
//! A container without the right to trace still lets its processes see each other's descriptors. A sleeping process that holds the
//! write end of a full pipe most likely writes to it; else one that holds the read end of an empty pipe reads it. This
//! is asked only when a deadline has passed, and the diagnosis says that it was deduced.
//!
//! # References
//! man 7 pipe, "Pipe capacity"; man 2 fcntl, `F_GETPIPE_SZ`; man 2 ioctl, `FIONREAD`; man 5 proc_pid_fd.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::{FcntlArg, fcntl};
use process::{Descriptor, PipeEnd, Target};

use crate::Blocked;

/// How full a pipe is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fill {
    pub(crate) len: usize,
    pub(crate) capacity: usize,
}

/// A pipe with less room than this may hold up a writer.
const PAGE_LEN: usize = 4096;

/// What a process with these descriptors sleeps in, most likely. Standard streams are the grader's, who always reads.
pub(crate) fn blocked(
    descriptors: &[Descriptor],
    fill: impl Fn(i32) -> Option<Fill>,
) -> Option<Blocked> {
    let ends = |wanted: PipeEnd| {
        descriptors.iter().filter(move |held| {
            held.fd > 2 && matches!(held.target, Target::Pipe { end, .. } if end == wanted)
        })
    };
    let is_full = |held: &&Descriptor| {
        fill(held.fd).is_some_and(|fill| fill.len + PAGE_LEN > fill.capacity)
    };
    let is_empty = |held: &&Descriptor| fill(held.fd).is_some_and(|fill| fill.len == 0);
    if let Some(held) = ends(PipeEnd::Write).find(is_full) {
        return Some(Blocked::Write { fd: held.fd });
    }
    ends(PipeEnd::Read).find(is_empty).map(|held| Blocked::Read { fd: held.fd })
}

/// How full the pipe behind a descriptor of another process is. Opens its read end for a moment.
pub(crate) fn fill(pid: i32, fd: i32) -> Option<Fill> {
    let pipe = File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(format!("/proc/{pid}/fd/{fd}"))
        .ok()?;
    let mut len: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int, and the descriptor is open.
    if unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &mut len) } != 0 {
        return None;
    }
    let capacity = fcntl(&pipe, FcntlArg::F_GETPIPE_SZ).ok()?;
    Some(Fill { len: usize::try_from(len).ok()?, capacity: usize::try_from(capacity).ok()? })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// The ends of two pipes as this process holds them.
    fn own(fds: &[i32]) -> Vec<Descriptor> {
        let snapshot = process::Snapshot::this().expect("a process may look at itself");
        fds.iter().map(|fd| snapshot.descriptor(*fd).expect("it is open").clone()).collect()
    }

    #[test]
    fn a_full_pipe_is_written_and_an_empty_one_read() {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        let pid = i32::try_from(std::process::id()).expect("a pid is an int");
        let held = own(&[reader.as_raw_fd(), writer.as_raw_fd()]);
        let now = || blocked(&held, |fd| fill(pid, fd));
        assert_eq!(now(), Some(Blocked::Read { fd: reader.as_raw_fd() }));

        writer.write_all(b"something").expect("there is room");
        assert_eq!(now(), None);

        let capacity = fill(pid, reader.as_raw_fd()).expect("it is a pipe").capacity;
        writer.write_all(&vec![0; capacity - PAGE_LEN]).expect("there is room");
        assert_eq!(now(), Some(Blocked::Write { fd: writer.as_raw_fd() }));
    }
}
