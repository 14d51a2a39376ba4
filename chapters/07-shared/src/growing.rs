//! Shared memory that grows: a place for what does not fit where it usually goes.
//!
//! Who owns it: two processes have a `Growing` of one memfd. Only one of them writes at a time; a protocol above says
//! who, and how much is there.
//! Invariant: the file is never made shorter (sealed), so a mapping of either side stays good while the other grows it.
//!
//! # References
//! man 2 memfd_create; man 2 fallocate, "Deallocating file space"; man 2 mremap.

use crate::mapping::Mapping;
use crate::{SharedError, memfd};
use rustix::fs::{FallocateFlags, SealFlags, fallocate};
use rustix::io::retry_on_intr;
use rustix::param::page_size;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;

/// Beyond this length it no longer doubles but grows by so much at a time.
const STEP_MAX_BYTES: usize = 64 << 20;

/// Shared memory that grows and never shrinks.
///
/// ```
/// use shared::Growing;
/// use std::os::fd::AsFd;
///
/// let mut writer = Growing::create("results")?;
/// writer.reserve(10_000)?;
/// let mut reader = Growing::from_descriptor(writer.as_fd().try_clone_to_owned()?)?;
/// reader.map_at_least(10_000)?;
/// assert!(reader.mapped_bytes() >= 10_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Growing {
    mapping: Mapping,
    /// So much of the file this side knows to have its memory.
    allocated_bytes: usize,
    descriptor: OwnedFd,
}

impl Growing {
    /// A new one of length 0. The name is for people who look at `/proc/PID/maps`.
    ///
    /// # Errors
    /// [`SharedError::Os`], such as EMFILE.
    pub fn create(name: &str) -> Result<Growing, SharedError> {
        let descriptor = memfd::create(name)?;
        memfd::seal(descriptor.as_fd(), SealFlags::SHRINK | SealFlags::SEAL)?;
        Ok(Growing { mapping: Mapping::EMPTY, allocated_bytes: 0, descriptor })
    }

    /// The other side's, from the descriptor that it has sent. Nothing is mapped yet.
    ///
    /// # Errors
    /// [`SharedError::Refused`] if it is not a memfd, or can be made shorter.
    pub fn from_descriptor(descriptor: OwnedFd) -> Result<Growing, SharedError> {
        memfd::accept(&descriptor, SealFlags::SHRINK, "it can be made shorter")?;
        Ok(Growing { mapping: Mapping::EMPTY, allocated_bytes: 0, descriptor })
    }

    /// The writer: makes file and mapping at least so long, with memory for every byte. [`Growing::as_ptr`] may change.
    ///
    /// # Errors
    /// [`SharedError::NoRoom`] if there is no memory for so much; then it is as long as before.
    #[inline]
    pub fn reserve(&mut self, len_bytes: usize) -> Result<(), SharedError> {
        if len_bytes <= self.allocated_bytes.min(self.mapping.len_bytes()) {
            return Ok(());
        }
        self.grow(len_bytes)
    }

    #[cold]
    fn grow(&mut self, len_bytes: usize) -> Result<(), SharedError> {
        let generous =
            self.allocated_bytes.saturating_add(self.allocated_bytes.min(STEP_MAX_BYTES));
        // Whoever asks for little by little gets ahead; where memory is short, what was asked for has to do.
        match self.grow_to(pages(len_bytes.max(generous))) {
            Err(SharedError::NoRoom { .. }) if generous > len_bytes => {
                self.grow_to(pages(len_bytes))
            }
            grown => grown,
        }
    }

    fn grow_to(&mut self, len_bytes: usize) -> Result<(), SharedError> {
        memfd::allocate(self.descriptor.as_fd(), self.allocated_bytes, len_bytes)?;
        if len_bytes > self.mapping.len_bytes() {
            self.mapping.grow(self.descriptor.as_fd(), len_bytes)?;
        }
        self.mapping.populate(self.allocated_bytes..len_bytes);
        self.allocated_bytes = len_bytes;
        Ok(())
    }

    /// The reader: maps at least as much as the writer says is there. [`Growing::as_ptr`] may change.
    ///
    /// # Errors
    /// [`SharedError::Short`] if the file is not that long, so the writer's word is never a SIGBUS;
    /// [`SharedError::NoRoom`] if there are no addresses left for it.
    #[inline]
    pub fn map_at_least(&mut self, len_bytes: usize) -> Result<(), SharedError> {
        if len_bytes <= self.mapping.len_bytes() {
            return Ok(());
        }
        self.map(len_bytes)
    }

    #[cold]
    fn map(&mut self, wanted_bytes: usize) -> Result<(), SharedError> {
        let len_bytes =
            memfd::accept(&self.descriptor, SealFlags::SHRINK, "it can be made shorter")?;
        match usize::try_from(len_bytes) {
            Ok(whole) if wanted_bytes <= whole && whole <= memfd::LEN_MAX => {
                self.mapping.grow(self.descriptor.as_fd(), whole)
            }
            _ => Err(SharedError::Short { wanted_bytes, len_bytes }),
        }
    }

    /// How much can be touched from [`Growing::as_ptr`] on.
    #[inline]
    pub fn mapped_bytes(&self) -> usize {
        self.mapping.len_bytes()
    }

    /// Where it begins in this process, at the start of a page; dangling as long as nothing is mapped.
    #[inline]
    pub fn as_ptr(&self) -> NonNull<u8> {
        self.mapping.start()
    }

    /// Gives the memory of all pages back to the system. The length stays; the bytes are zero for both sides.
    ///
    /// The next [`Growing::reserve`] takes memory again. Without it, a write takes memory by and by, and without any
    /// left that is the process's end.
    ///
    /// # Errors
    /// [`SharedError::Os`]; not to be expected.
    pub fn discard(&mut self) -> Result<(), SharedError> {
        let len_bytes =
            memfd::accept(&self.descriptor, SealFlags::SHRINK, "it can be made shorter")?;
        if len_bytes == 0 {
            return Ok(());
        }
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        retry_on_intr(|| fallocate(&self.descriptor, hole, 0, len_bytes))
            .map_err(SharedError::os("fallocate FALLOC_FL_PUNCH_HOLE"))?;
        self.allocated_bytes = 0;
        Ok(())
    }
}

/// Up to the end of a page, since a part of one takes as much memory.
fn pages(len_bytes: usize) -> usize {
    len_bytes.checked_next_multiple_of(page_size()).unwrap_or(usize::MAX)
}

impl AsFd for Growing {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
