//! The open descriptors of a process and what stands behind each.
//!
//! The source is the links in `/proc/PID/fd` and the flags in `/proc/PID/fdinfo` (man 5 proc_pid_fd).

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

/// One open descriptor of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Descriptor {
    /// The number that the process knows it by.
    pub fd: i32,
    /// What stands behind it.
    pub target: Target,
    /// Whether `exec` closes it; `None` if the descriptor was closed before that could be read.
    pub cloexec: Option<bool>,
}

/// What stands behind a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// A file, folder, terminal or device. A file that has lost its name ends in ` (deleted)`.
    File(PathBuf),
    /// One end of a pipe. Both ends of a pipe have the same inode.
    Pipe {
        /// The pipe.
        inode: u64,
        /// Which end.
        end: PipeEnd,
    },
    /// A socket.
    Socket {
        /// The socket.
        inode: u64,
    },
    /// Anonymous memory made by `memfd_create`, with its name.
    Memfd(String),
    /// A process, as a pidfd.
    Pidfd,
    /// An object that has only descriptors: `eventfd`, `eventpoll`, `signalfd`, `timerfd` ...
    Anonymous(String),
    /// Something else, as the kernel writes it.
    Other(String),
}

/// Which end of a pipe a descriptor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PipeEnd {
    /// Opened for reading only.
    Read,
    /// Opened for writing only.
    Write,
    /// Opened for both, as a named pipe can be.
    Both,
}

impl Descriptor {
    /// From the link in `/proc/PID/fd`, its permissions, and the file in `/proc/PID/fdinfo` if it was still there.
    pub(crate) fn new(fd: i32, link: &OsStr, mode: u32, info: Option<&[u8]>) -> Self {
        Descriptor { fd, target: Target::new(link, mode), cloexec: info.and_then(cloexec) }
    }
}

impl Target {
    /// Everything that has a path begins with a slash; the rest is `KIND:WHICH`.
    fn new(link: &OsStr, mode: u32) -> Self {
        let text = link.to_string_lossy();
        if let Some(name) = text.strip_prefix("/memfd:") {
            // A memfd has no name in any folder, so the kernel shows it as deleted from birth on.
            if let Some(name) = name.strip_suffix(" (deleted)") {
                return Target::Memfd(name.to_owned());
            }
        }
        if text.starts_with('/') {
            return Target::File(link.into());
        }
        let Some((kind, which)) = text.split_once(':') else {
            return Target::Other(text.into_owned());
        };
        let which = which.trim_start_matches('[').trim_end_matches(']');
        match (kind, which.parse()) {
            ("pipe", Ok(inode)) => Target::Pipe { inode, end: PipeEnd::new(mode) },
            ("socket", Ok(inode)) => Target::Socket { inode },
            // `anon_inode:[pidfd]` up to Linux 6.8, `pidfd:[INODE]` since.
            ("pidfd", Ok(_)) => Target::Pidfd,
            ("anon_inode", _) if which == "pidfd" => Target::Pidfd,
            ("anon_inode", _) => Target::Anonymous(which.to_owned()),
            _ => Target::Other(text.into_owned()),
        }
    }
}

impl PipeEnd {
    /// From the permissions of the link in `/proc/PID/fd`, which say how the descriptor was opened.
    fn new(mode: u32) -> Self {
        match (mode & 0o400 != 0, mode & 0o200 != 0) {
            (true, true) => PipeEnd::Both,
            (false, true) => PipeEnd::Write,
            _ => PipeEnd::Read,
        }
    }
}

/// The close-on-exec flag from the line `flags:` of `/proc/PID/fdinfo/FD`.
fn cloexec(info: &[u8]) -> Option<bool> {
    let info = str::from_utf8(info).ok()?;
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
    let flags = u32::from_str_radix(flags.trim(), 8).ok()?;
    Some(flags & O_CLOEXEC != 0)
}

/// `O_CLOEXEC` as `/proc` writes it, in octal, on every architecture that this book runs on.
const O_CLOEXEC: u32 = 0o2_000_000;

impl fmt::Display for Target {
    /// As `ls -l /proc/PID/fd` shows it, with the end of a pipe named.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::File(path) => write!(f, "{}", path.display()),
            Target::Pipe { inode, end } => write!(f, "pipe:[{inode}] ({end})"),
            Target::Socket { inode } => write!(f, "socket:[{inode}]"),
            Target::Memfd(name) => write!(f, "memfd:{name}"),
            Target::Pidfd => f.write_str("pidfd"),
            Target::Anonymous(name) => f.write_str(name),
            Target::Other(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for PipeEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PipeEnd::Read => "read end",
            PipeEnd::Write => "write end",
            PipeEnd::Both => "both ends",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    fn target(link: &str) -> Target {
        Target::new(OsStr::new(link), 0o500)
    }

    #[test]
    fn links_say_what_stands_behind() {
        assert_eq!(target("/dev/null"), Target::File("/dev/null".into()));
        assert_eq!(target("/tmp/a:[b] (deleted)"), Target::File("/tmp/a:[b] (deleted)".into()));
        assert_eq!(target("pipe:[99]"), Target::Pipe { inode: 99, end: PipeEnd::Read });
        assert_eq!(target("socket:[7]"), Target::Socket { inode: 7 });
        assert_eq!(target("anon_inode:[eventfd]"), Target::Anonymous("eventfd".to_owned()));
        assert_eq!(target("anon_inode:inotify"), Target::Anonymous("inotify".to_owned()));
        assert_eq!(target("pidfd:[12]"), Target::Pidfd);
        assert_eq!(target("anon_inode:[pidfd]"), Target::Pidfd);
    }

    #[test]
    fn a_memfd_is_told_from_a_file_of_that_name() {
        assert_eq!(target("/memfd:ring (deleted)"), Target::Memfd("ring".to_owned()));
        assert_eq!(
            target("/memfd:a (deleted) (deleted)"),
            Target::Memfd("a (deleted)".to_owned())
        );
        assert_eq!(target("/memfd:ring"), Target::File("/memfd:ring".into()));
    }

    #[test]
    fn what_nobody_knows_is_kept_as_it_is() {
        for link in
            ["net:[4026531840]", "pipe:[]", "pipe:", "socket:[x]", "", "(unreachable)/a:b"]
        {
            assert_eq!(target(link), Target::Other(link.to_owned()));
        }
    }

    #[test]
    fn a_path_need_not_be_utf8() {
        let link = OsStr::from_bytes(b"/tmp/\xff");
        assert_eq!(Target::new(link, 0), Target::File(link.into()));
    }

    #[test]
    fn the_links_permissions_say_which_end() {
        assert_eq!(PipeEnd::new(0o120_500), PipeEnd::Read);
        assert_eq!(PipeEnd::new(0o120_300), PipeEnd::Write);
        assert_eq!(PipeEnd::new(0o120_700), PipeEnd::Both);
    }

    #[test]
    fn close_on_exec_is_a_flag_in_octal() {
        assert_eq!(cloexec(b"pos:\t0\nflags:\t02000001\nmnt_id:\t15\n"), Some(true));
        assert_eq!(cloexec(b"pos:\t0\nflags:\t0100000\n"), Some(false));
        assert_eq!(cloexec(b"pos:\t0\n"), None);
        assert_eq!(cloexec(b"flags:\t09\n"), None);
    }
}
