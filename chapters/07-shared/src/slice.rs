//! Slices of plain numbers that any number of processes read.
//!
//! Who owns it: nobody alone; the memory goes with the last clone in the last process.
//! Invariant: the bytes never change, because the kernel refuses every write (F_SEAL_WRITE).
//!
//! # References
//! man 2 F_GET_SEALS; man 2 mmap.

use crate::mapping::{Access, Mapping};
use crate::wire::{self, Note, check_alignment, check_len, note, note_bytes};
use crate::{SharedError, memfd};
use bytemuck::Pod;
use rustix::fs::SealFlags;
use rustix::io::retry_on_intr;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::ops::Deref;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;

/// What keeps the length as it is.
pub(crate) const FIXED: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW);

/// What keeps the bytes as they are, and the seals with them.
pub(crate) const FROZEN: SealFlags = FIXED.union(SealFlags::WRITE).union(SealFlags::SEAL);

/// How the memory is called in `/proc/PID/maps`.
pub(crate) const NAME: &str = "shared slice";

/// The memory behind all clones of a slice in this process.
#[derive(Debug)]
pub(crate) struct Frozen {
    pub(crate) mapping: Mapping,
    pub(crate) descriptor: Arc<OwnedFd>,
}

impl Frozen {
    /// Takes memory with the seals of [`FROZEN`] and maps it for reading.
    fn accept(descriptor: OwnedFd) -> Result<Frozen, SharedError> {
        let without = "it can still be written to or change its length";
        let len_bytes = memfd::accept_whole(&descriptor, FROZEN, without)?;
        let mapping = Mapping::new(descriptor.as_fd(), len_bytes, Access::Read)?;
        Ok(Frozen { mapping, descriptor: Arc::new(descriptor) })
    }

    /// Copies into new memory.
    pub(crate) fn copy_of(bytes: &[u8]) -> Result<Frozen, SharedError> {
        memfd::check_limit(bytes.len())?;
        memfd::check_room(bytes.len())?;
        let file = memfd::create(NAME)?;
        // Written and not mapped: the kernel then fills each page as it takes it, where a mapping costs one more visit
        // to each, to set it to zero first.
        let mut written = 0;
        while written < bytes.len() {
            written += retry_on_intr(|| rustix::io::write(&file, &bytes[written..]))
                .map_err(SharedError::taking("write to a memfd", bytes.len()))?;
        }
        memfd::seal(file.as_fd(), FROZEN)?;
        Frozen::accept(file)
    }
}

/// Numbers that several processes read, without a copy.
///
/// A clone is cheap, and so is sending one through a pool: what travels is a descriptor
/// and a few bytes, whatever the length, and the receiver reads the same memory.
///
/// ```
/// use shared::SharedSlice;
///
/// let primes = SharedSlice::from_slice(&[2_u32, 3, 5, 7])?;
/// assert_eq!(primes.iter().sum::<u32>(), 17);
/// assert_eq!(primes.clone().as_ptr(), primes.as_ptr());
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "SharedMemory")]
#[doc(alias = "Array")]
pub struct SharedSlice<T> {
    /// `None` for 0 bytes.
    pub(crate) memory: Option<Arc<Frozen>>,
    /// In elements; so many are in `memory`.
    pub(crate) len: usize,
    pub(crate) element: PhantomData<T>,
}

impl<T: Pod> SharedSlice<T> {
    /// Copies once, into memory that nobody can write to afterwards.
    ///
    /// # Errors
    /// [`io::ErrorKind::OutOfMemory`] if there is no room for the copy; others as for a new descriptor, such as EMFILE.
    pub fn from_slice(slice: &[T]) -> io::Result<SharedSlice<T>> {
        check_alignment::<T>()?;
        let memory = match bytemuck::cast_slice(slice) {
            [] => None,
            bytes => Some(Arc::new(Frozen::copy_of(bytes)?)),
        };
        Ok(SharedSlice { memory, len: slice.len(), element: PhantomData })
    }

    /// All elements.
    #[inline]
    pub fn as_slice(&self) -> &[T] {
        let start = match &self.memory {
            Some(memory) => memory.mapping.start().cast(),
            None => NonNull::dangling(),
        };
        // SAFETY: `len` elements lie in the mapping, which begins at a page and so is aligned (both were checked when
        // this was made), or they have no bytes. Any bytes are a `T: Pod`, and F_SEAL_WRITE keeps them as they are.
        unsafe { std::slice::from_raw_parts(start.as_ptr(), self.len) }
    }

    /// How many elements there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn from_note(note: Note) -> Result<SharedSlice<T>, String> {
        let bytes = note_bytes::<T>(note)?;
        let memory = if bytes == 0 {
            None
        } else {
            let memory = wire::take_frozen(note.index, Frozen::accept)?;
            let memory = memory.map_err(|error| error.to_string())?;
            check_len(bytes, memory.mapping.len_bytes())?;
            Some(memory)
        };
        let len = usize::try_from(note.len).map_err(|error| error.to_string())?;
        Ok(SharedSlice { memory, len, element: PhantomData })
    }
}

/// Shares the memory.
impl<T> Clone for SharedSlice<T> {
    fn clone(&self) -> Self {
        SharedSlice { memory: self.memory.clone(), len: self.len, element: PhantomData }
    }
}

impl<T: Pod> Deref for SharedSlice<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        self.as_slice()
    }
}

impl<T: Pod> AsRef<[T]> for SharedSlice<T> {
    fn as_ref(&self) -> &[T] {
        self.as_slice()
    }
}

/// By the elements.
impl<T: Pod + PartialEq> PartialEq for SharedSlice<T> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<T: Pod + Eq> Eq for SharedSlice<T> {}

/// Says how long it is and not what is in it, which may be a gigabyte.
impl<T> fmt::Debug for SharedSlice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedSlice").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Only inside [`collect`](crate::passing::collect).
impl<T> Serialize for SharedSlice<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let descriptor = self.memory.as_ref().map(|memory| &memory.descriptor);
        note::<T, S::Error>(descriptor, self.len)?.serialize(serializer)
    }
}

/// Only inside [`provide`](crate::passing::provide). The sender may be hostile.
impl<'de, T: Pod> Deserialize<'de> for SharedSlice<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SharedSlice::from_note(Note::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
