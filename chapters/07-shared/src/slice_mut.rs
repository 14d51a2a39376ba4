//! Slices of plain numbers that one process at a time writes to.
//!
//! Who owns it: one process, until it freezes the slice or sends it away.
//! Invariant: the bytes are this process's alone from when the slice was made or received until it is sent. That is
//! kept by those who send: they drop it after it was written into a message, before the message goes.
//!
//! # References
//! man 2 F_GET_SEALS; man 2 mmap.

use crate::mapping::{Access, Mapping};
use crate::slice::{FIXED, Frozen, NAME};
use crate::wire::{self, Note, check_alignment, check_len, note, note_bytes};
use crate::{SharedError, SharedSlice, memfd};
use bytemuck::Pod;
use rustix::fs::{SealFlags, fcntl_add_seals};
use rustix::io::Errno;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;

/// Numbers in shared memory that one process at a time reads and writes.
///
/// Sending one through a pool moves it: the receiver writes to the same memory, and may send it back. Writing it into
/// a message does not take it away, though, because a serializer only borrows. Whoever sends has to drop it before
/// the receiver can have the message, as a pool does; nobody checks that.
///
/// ```
/// use shared::SharedSliceMut;
///
/// let mut squares = SharedSliceMut::<u64>::zeroed(5)?;
/// for (n, square) in (0..).zip(squares.as_mut_slice()) {
///     *square = n * n;
/// }
/// let squares = squares.freeze()?;
/// assert_eq!(squares.as_slice(), [0, 1, 4, 9, 16]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "SharedMemory")]
#[doc(alias = "Array")]
pub struct SharedSliceMut<T> {
    /// `None` for 0 bytes.
    memory: Option<Own>,
    len: usize,
    element: PhantomData<T>,
}

/// Memory that one process writes to.
struct Own {
    mapping: Mapping,
    descriptor: Arc<OwnedFd>,
}

impl Own {
    fn create(len_bytes: usize) -> Result<Own, SharedError> {
        let file = memfd::create(NAME)?;
        memfd::allocate(file.as_fd(), 0, len_bytes)?;
        memfd::seal(file.as_fd(), FIXED)?;
        let mapping = Mapping::new(file.as_fd(), len_bytes, Access::ReadWrite)?;
        // It will be filled.
        mapping.populate(0..len_bytes);
        Ok(Own { mapping, descriptor: Arc::new(file) })
    }

    fn accept(descriptor: OwnedFd) -> Result<Own, SharedError> {
        let len_bytes = memfd::accept_whole(&descriptor, FIXED, "its length can still change")?;
        let mapping = Mapping::new(descriptor.as_fd(), len_bytes, Access::ReadWrite)?;
        Ok(Own { mapping, descriptor: Arc::new(descriptor) })
    }

    // ANCHOR: freeze
    /// Gives up the right to write, for everybody and for ever.
    fn freeze(self) -> Result<Frozen, SharedError> {
        let Own { mapping, descriptor } = self;
        let len_bytes = mapping.len_bytes();
        // The kernel refuses this seal while anybody has a mapping that can write.
        drop(mapping);
        let sealed = fcntl_add_seals(descriptor.as_fd(), SealFlags::WRITE | SealFlags::SEAL);
        let mapping = Mapping::new(descriptor.as_fd(), len_bytes, Access::Read)?;
        match sealed {
            Ok(()) => Ok(Frozen { mapping, descriptor }),
            // Somebody has: a process that was forked meanwhile, for example.
            Err(Errno::BUSY) => copy(&mapping),
            Err(errno) => Err(SharedError::os("fcntl F_ADD_SEALS")(errno)),
        }
    }
    // ANCHOR_END: freeze
}

fn copy(mapping: &Mapping) -> Result<Frozen, SharedError> {
    // SAFETY: all of a mapping, of which any bytes are bytes; the file keeps its length. This process owned the memory
    // until now and has told nobody else to write.
    let bytes =
        unsafe { std::slice::from_raw_parts(mapping.start().as_ptr(), mapping.len_bytes()) };
    Frozen::copy_of(bytes)
}

impl<T: Pod> SharedSliceMut<T> {
    /// A new slice of `len` elements, all bytes zero. All of its memory is taken now.
    ///
    /// # Errors
    /// [`io::ErrorKind::OutOfMemory`] if there is no room for it; others as for a new descriptor, such as EMFILE.
    pub fn zeroed(len: usize) -> io::Result<SharedSliceMut<T>> {
        check_alignment::<T>()?;
        // More than there can be is refused below.
        let bytes = len.saturating_mul(size_of::<T>());
        let memory = if bytes == 0 { None } else { Some(Own::create(bytes)?) };
        Ok(SharedSliceMut { memory, len, element: PhantomData })
    }

    /// All elements.
    #[inline]
    pub fn as_slice(&self) -> &[T] {
        // SAFETY: `len` elements lie in the mapping, which begins at a page and so is aligned, or they have no bytes.
        // Any bytes are a `T: Pod`; the memory has no other owner.
        unsafe { std::slice::from_raw_parts(self.start().as_ptr(), self.len) }
    }

    /// All elements, to be changed.
    #[inline]
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as for `as_slice`; the mapping can be written to, and `&mut self` says that this process does not
        // look elsewhere.
        unsafe { std::slice::from_raw_parts_mut(self.start().as_ptr(), self.len) }
    }

    #[inline]
    fn start(&self) -> NonNull<T> {
        match &self.memory {
            Some(memory) => memory.mapping.start().cast(),
            None => NonNull::dangling(),
        }
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

    /// Makes it readable for everybody and writable for nobody. Nothing is copied, unless another process can still
    /// write to the memory (one that was forked after it was made): then this is a copy that it cannot reach.
    ///
    /// # Errors
    /// [`io::ErrorKind::OutOfMemory`] if there are no addresses for the new mapping, or no room for the copy.
    pub fn freeze(self) -> io::Result<SharedSlice<T>> {
        let memory = self.memory.map(Own::freeze).transpose()?.map(Arc::new);
        Ok(SharedSlice { memory, len: self.len, element: PhantomData })
    }

    fn from_note(note: Note) -> Result<SharedSliceMut<T>, String> {
        let bytes = note_bytes::<T>(note)?;
        let memory = if bytes == 0 {
            None
        } else {
            let memory = Own::accept(wire::take(note.index)?).map_err(|e| e.to_string())?;
            check_len(bytes, memory.mapping.len_bytes())?;
            Some(memory)
        };
        let len = usize::try_from(note.len).map_err(|error| error.to_string())?;
        Ok(SharedSliceMut { memory, len, element: PhantomData })
    }
}

impl<T: Pod> Deref for SharedSliceMut<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        self.as_slice()
    }
}

impl<T: Pod> DerefMut for SharedSliceMut<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        self.as_mut_slice()
    }
}

impl<T: Pod + PartialEq> PartialEq for SharedSliceMut<T> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

/// Says how long it is and not what is in it, which may be a gigabyte.
impl<T> fmt::Debug for SharedSliceMut<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedSliceMut").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Only inside [`collect`](crate::passing::collect).
impl<T> Serialize for SharedSliceMut<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let descriptor = self.memory.as_ref().map(|memory| &memory.descriptor);
        note::<T, S::Error>(descriptor, self.len)?.serialize(serializer)
    }
}

/// Only inside [`provide`](crate::passing::provide). A hostile sender is refused, but for one that goes on writing.
impl<'de, T: Pod> Deserialize<'de> for SharedSliceMut<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SharedSliceMut::from_note(Note::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
