//! A memfd: a file without a name in any folder, that lives in memory as long as a descriptor or a mapping of it.
//!
//! Invariant: a descriptor that [`accept`] lets through belongs to a file that nobody can make shorter any more.
//!
//! # References
//! man 2 memfd_create; man 2 F_GET_SEALS; man 2 fallocate; man 2 getrlimit.

use crate::SharedError;
use rustix::fs::{
    FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, fcntl_get_seals, fstat,
    memfd_create,
};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Resource, getrlimit};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A pointer to a byte can be moved by at most so many bytes, so no mapping is longer.
pub(crate) const LEN_MAX: usize = isize::MAX.cast_unsigned();

/// From this length on it is worth while to ask how much memory there is: that takes about as long as to fill a few
/// dozen pages.
const CHECKED_FROM_BYTES: usize = 16 << 20;

// ANCHOR: create
/// A new memfd of length 0, with close-on-exec. The name is shown in `/proc/PID/maps`,
/// and need not be unique.
pub(crate) fn create(name: &str) -> Result<OwnedFd, SharedError> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Nobody may run it as a program. Kernels before 6.3 do not know the flag.
    match memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
        Err(Errno::INVAL) => memfd_create(name, flags),
        made => made,
    }
    .map_err(SharedError::os("memfd_create"))
}

/// Makes the file at least `end` bytes long, and takes memory for every byte of it
/// from `start` on. Afterwards no access can fail for want of memory.
pub(crate) fn allocate(
    file: BorrowedFd<'_>,
    start: usize,
    end: usize,
) -> Result<(), SharedError> {
    let len = end - start;
    check_limit(end)?;
    check_room(len)?;
    retry_on_intr(|| fallocate(file, FallocateFlags::empty(), start as u64, len as u64))
        .map_err(SharedError::taking("fallocate", end))
}
// ANCHOR_END: create

/// Refuses what is longer than a file of this process may become (RLIMIT_FSIZE), a memfd too. The kernel would send
/// SIGXFSZ, which ends the process, before the call could return its error.
pub(crate) fn check_limit(end: usize) -> Result<(), SharedError> {
    match getrlimit(Resource::Fsize).current {
        Some(limit) if end as u64 > limit => {
            Err(SharedError::NoRoom { len_bytes: end, source: Errno::FBIG.into() })
        }
        _ => Ok(()),
    }
}

/// Refuses at once what the machine, or the cgroup, has not available. The kernel would give page after page, and then
/// kill a process to find one more.
pub(crate) fn check_room(len_bytes: usize) -> Result<(), SharedError> {
    if len_bytes < CHECKED_FROM_BYTES {
        return Ok(());
    }
    let errno = match process::available_memory_bytes() {
        _ if len_bytes > LEN_MAX => Errno::FBIG,
        Some(available) if len_bytes as u64 > available => Errno::NOMEM,
        _ => return Ok(()),
    };
    Err(SharedError::NoRoom { len_bytes, source: errno.into() })
}

/// Adds seals. Those that are there stay.
pub(crate) fn seal(file: BorrowedFd<'_>, seals: SealFlags) -> Result<(), SharedError> {
    fcntl_add_seals(file, seals).map_err(SharedError::os("fcntl F_ADD_SEALS"))
}

// ANCHOR: accept
/// Looks at a descriptor from another process before anything of it is mapped: it must
/// be a memfd with at least these seals. Returns its length, which can only have grown
/// when the caller uses it.
pub(crate) fn accept(
    file: impl AsFd,
    seals: SealFlags,
    without: &'static str,
) -> Result<u64, SharedError> {
    let has = match fcntl_get_seals(&file) {
        Ok(has) => has,
        Err(Errno::INVAL) => {
            return Err(SharedError::Refused { why: "it is not a memfd" });
        }
        Err(errno) => return Err(SharedError::os("fcntl F_GET_SEALS")(errno)),
    };
    if !has.contains(seals) {
        return Err(SharedError::Refused { why: without });
    }
    let status = fstat(&file).map_err(SharedError::os("fstat"))?;
    u64::try_from(status.st_size)
        .map_err(|_| SharedError::Refused { why: "its length is negative" })
}
// ANCHOR_END: accept

/// The same, for a file of which everything is mapped.
pub(crate) fn accept_whole(
    file: impl AsFd,
    seals: SealFlags,
    without: &'static str,
) -> Result<usize, SharedError> {
    match usize::try_from(accept(file, seals, without)?) {
        Ok(0) => Err(SharedError::Refused { why: "it is empty" }),
        Ok(len_bytes) if len_bytes <= LEN_MAX => Ok(len_bytes),
        _ => Err(SharedError::Refused { why: "it is longer than memory can be" }),
    }
}
