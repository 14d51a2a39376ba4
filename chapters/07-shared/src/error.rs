//! Why there is no shared memory, sorted by what the caller can do.

use rustix::io::Errno;
use std::error::Error;
use std::fmt;
use std::io;

/// Why shared memory could not be made, accepted or looked into.
#[derive(Debug)]
#[non_exhaustive]
pub enum SharedError {
    /// The system has no room for so much memory: ENOMEM, ENOSPC or EFBIG.
    NoRoom {
        /// How long the memory would have been.
        len_bytes: usize,
        /// What the kernel said.
        source: io::Error,
    },
    /// The descriptor of another process is not what it should be.
    Refused {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The file of another process is shorter than that process said.
    Short {
        /// How long it should be.
        wanted_bytes: usize,
        /// How long it is.
        len_bytes: u64,
    },
    /// A value does not lie inside the segment, or not at a multiple of its alignment.
    OutOfBounds {
        /// Where it begins.
        offset_bytes: usize,
        /// How long it is.
        size_bytes: usize,
        /// A multiple of this the offset must be.
        align_bytes: usize,
        /// How long the segment is.
        len_bytes: usize,
    },
    /// Anything else that the kernel refused, such as one more descriptor.
    Os {
        /// What was tried.
        call: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

impl SharedError {
    pub(crate) fn os(call: &'static str) -> impl FnOnce(Errno) -> SharedError {
        move |errno| SharedError::Os { call, source: errno.into() }
    }

    /// For calls that take memory: tells a lack of it from other errors.
    pub(crate) fn taking(
        call: &'static str,
        len_bytes: usize,
    ) -> impl FnOnce(Errno) -> SharedError {
        move |errno| match errno {
            Errno::NOMEM | Errno::NOSPC | Errno::FBIG => {
                SharedError::NoRoom { len_bytes, source: errno.into() }
            }
            _ => SharedError::Os { call, source: errno.into() },
        }
    }
}

impl fmt::Display for SharedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SharedError::NoRoom { len_bytes, source }
                if source.raw_os_error() == Some(Errno::FBIG.raw_os_error()) =>
            {
                write!(
                    f,
                    "no room for {len_bytes} bytes of shared memory ({source}): no file of this process may be so \
                     long, see `ulimit -f`"
                )
            }
            SharedError::NoRoom { len_bytes, source } => write!(
                f,
                "no room for {len_bytes} bytes of shared memory ({source}): see `free -m`, the cgroup's memory.max \
                 and `ulimit -v`"
            ),
            SharedError::Refused { why } => write!(
                f,
                "refused a descriptor as shared memory: {why}; send one that this crate has made"
            ),
            SharedError::Short { wanted_bytes, len_bytes } => write!(
                f,
                "the other process speaks of {wanted_bytes} bytes of shared memory, and its file has {len_bytes}: it \
                 must grow the file before it says so"
            ),
            SharedError::OutOfBounds { offset_bytes, size_bytes, align_bytes, len_bytes } => {
                write!(
                    f,
                    "no value of {size_bytes} bytes at offset {offset_bytes} of a segment of {len_bytes} bytes: it must \
                     lie inside, at a multiple of {align_bytes}"
                )
            }
            SharedError::Os { call, source } => write!(f, "{call}: {source}"),
        }
    }
}

impl Error for SharedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SharedError::NoRoom { source, .. } | SharedError::Os { source, .. } => Some(source),
            SharedError::Refused { .. }
            | SharedError::Short { .. }
            | SharedError::OutOfBounds { .. } => None,
        }
    }
}

impl From<SharedError> for io::Error {
    fn from(error: SharedError) -> io::Error {
        let kind = match &error {
            SharedError::NoRoom { .. } => io::ErrorKind::OutOfMemory,
            SharedError::Os { source, .. } => source.kind(),
            SharedError::Refused { .. } | SharedError::Short { .. } => {
                io::ErrorKind::InvalidData
            }
            SharedError::OutOfBounds { .. } => io::ErrorKind::InvalidInput,
        };
        io::Error::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_names_the_thing_and_the_way_out() {
        let no_room = SharedError::taking("fallocate", 4096)(Errno::NOSPC);
        assert_eq!(
            no_room.to_string(),
            "no room for 4096 bytes of shared memory (No space left on device (os error 28)): see `free -m`, the \
             cgroup's memory.max and `ulimit -v`"
        );
        assert!(no_room.source().is_some());
        assert_eq!(io::Error::from(no_room).kind(), io::ErrorKind::OutOfMemory);

        let too_long = SharedError::taking("fallocate", 4096)(Errno::FBIG);
        assert_eq!(
            too_long.to_string(),
            "no room for 4096 bytes of shared memory (File too large (os error 27)): no file of this process may be so \
             long, see `ulimit -f`"
        );

        let refused = SharedError::Refused { why: "it is not a memfd" };
        assert_eq!(
            refused.to_string(),
            "refused a descriptor as shared memory: it is not a memfd; send one that this crate has made"
        );
        assert_eq!(io::Error::from(refused).kind(), io::ErrorKind::InvalidData);

        assert_eq!(
            SharedError::Short { wanted_bytes: 10, len_bytes: 5 }.to_string(),
            "the other process speaks of 10 bytes of shared memory, and its file has 5: it must grow the file before \
             it says so"
        );
        let out_of_bounds = SharedError::OutOfBounds {
            offset_bytes: 6,
            size_bytes: 8,
            align_bytes: 8,
            len_bytes: 12,
        };
        assert_eq!(
            out_of_bounds.to_string(),
            "no value of 8 bytes at offset 6 of a segment of 12 bytes: it must lie inside, at a multiple of 8"
        );
        assert_eq!(io::Error::from(out_of_bounds).kind(), io::ErrorKind::InvalidInput);

        let os = SharedError::taking("mmap", 4096)(Errno::ACCESS);
        assert_eq!(os.to_string(), "mmap: Permission denied (os error 13)");
        assert_eq!(io::Error::from(os).kind(), io::ErrorKind::PermissionDenied);
    }
}
