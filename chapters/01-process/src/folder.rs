//! `/proc/PID`, held open while its files are read.
//!
//! Invariant: an open folder stands for one process for as long as it is open. If the process ends and its pid is
//! given to another, reads through the folder fail (ENOENT, ESRCH); they never reach the other one.
//!
//! The source is man 5 proc_pid. The parsers are those of the crate procfs. Its own `Process` opens descriptors
//! whose numbers it does not tell, and a snapshot of the caller must be able to leave the reader's own ones out.
//! The folders are listed by getdents, since `fdopendir` asks for the folder's size first, and the kernel cannot
//! tell it once the process has ended.

use crate::SnapshotError;
use procfs::FromRead;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawDir, openat, readlinkat, statat};
use rustix::io::{Errno, retry_on_intr};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

/// Room for this many bytes of folder entries is asked for at a time.
const ENTRIES_LEN: usize = 16 << 10;

/// The folder of one process.
pub(crate) struct Folder {
    pid: i32,
    dir: OwnedFd,
    is_own: bool,
}

impl Folder {
    /// The folder of process `pid`.
    pub(crate) fn open(pid: i32) -> Result<Folder, SnapshotError> {
        let is_own = own_pid().is_ok_and(|own| own == pid);
        Folder::at(Path::new("/proc").join(pid.to_string()).as_path(), pid, is_own)
    }

    /// The folder of the calling process, under the pid that this `/proc` knows it by.
    pub(crate) fn open_own() -> Result<Folder, SnapshotError> {
        let pid = own_pid().map_err(|source| {
            let pid = i32::try_from(std::process::id()).unwrap_or(0);
            SnapshotError::Unreadable { pid, file: "", source }
        })?;
        Folder::open(pid)
    }

    pub(crate) fn at(path: &Path, pid: i32, is_own: bool) -> Result<Folder, SnapshotError> {
        match opened(CWD, path, OFlags::PATH | OFlags::DIRECTORY) {
            Ok(dir) => Ok(Folder { pid, dir, is_own }),
            // Without a /proc every process would seem to be missing.
            Err(Errno::NOENT) => match own_pid() {
                Ok(_) => Err(SnapshotError::NotFound { pid }),
                Err(source) => Err(SnapshotError::Unreadable { pid, file: "", source }),
            },
            Err(errno) => Err(SnapshotError::new(pid, "", errno.into())),
        }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// The whole content of the file `path` below the folder.
    pub(crate) fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let mut file = File::from(opened(self.dir.as_fd(), Path::new(path), OFlags::RDONLY)?);
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        Ok(content)
    }

    /// The content of the file `path`, parsed.
    pub(crate) fn parse<T: FromRead>(&self, path: &str) -> io::Result<T> {
        let content = self.read(path)?;
        T::from_read(content.as_slice())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))
    }

    /// The folder `path` below this one, with the numbers that it lists.
    pub(crate) fn list(&self, path: &str) -> io::Result<Listing> {
        let dir =
            opened(self.dir.as_fd(), Path::new(path), OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut numbers = Vec::new();
        let mut room = Vec::with_capacity(ENTRIES_LEN);
        let mut entries = RawDir::new(&dir, room.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            // `.` and `..` are no numbers.
            if let Some(number) =
                entry?.file_name().to_str().ok().and_then(|name| name.parse::<i32>().ok())
            {
                numbers.push(number);
            }
        }
        numbers.sort_unstable();
        Ok(Listing { dir, numbers })
    }

    /// Whether `fd` is one of the descriptors that reading this process with `listing` needs.
    pub(crate) fn is_readers(&self, listing: &Listing, fd: RawFd) -> bool {
        self.is_own && (fd == self.dir.as_raw_fd() || fd == listing.dir.as_raw_fd())
    }
}

/// A listed folder, still open.
pub(crate) struct Listing {
    dir: OwnedFd,
    /// The numbers among its names, in order.
    pub(crate) numbers: Vec<i32>,
}

impl Listing {
    /// Where the link with this number leads, and the permissions of the link itself.
    pub(crate) fn link(&self, number: i32) -> io::Result<(OsString, u32)> {
        let name = number.to_string();
        let target = readlinkat(&self.dir, name.as_str(), Vec::new())?;
        let stat = statat(&self.dir, name.as_str(), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok((OsString::from_vec(target.into_bytes()), stat.st_mode))
    }
}

/// The caller's pid as this `/proc` counts it: it differs from `getpid` if `/proc` belongs to another pid namespace.
fn own_pid() -> io::Result<i32> {
    let link = std::fs::read_link("/proc/self")?;
    link.to_str()
        .and_then(|pid| pid.parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc/self is no number"))
}

fn opened(base: BorrowedFd, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    retry_on_intr(|| openat(base, path, flags | OFlags::CLOEXEC, Mode::empty()))
}
