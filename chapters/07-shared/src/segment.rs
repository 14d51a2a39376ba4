//! A fixed piece of memory that several processes read and write.
//!
//! Who owns it: every process that has a `Segment` of the same memfd; the memory goes when the last one is gone.
//! Invariant: the file keeps its length (sealed), so the mapping never reaches behind its end. One that was made here
//! has memory for all of it (allocated), until somebody with the descriptor gives that back. References into it are only
//! to types that another process may change at any time.
//!
//! # References
//! man 2 memfd_create; man 2 fallocate; man 2 F_GET_SEALS.

use crate::mapping::{Access, Mapping};
use crate::{SharedError, memfd};
use rustix::fs::SealFlags;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32,
    AtomicU64, AtomicUsize,
};

// ANCHOR: segment
/// Shared memory of a fixed length, mapped for reading and writing.
///
/// ```
/// use shared::Segment;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// let segment = Segment::create("counter", 4096)?;
/// let counter: &AtomicU64 = segment.at(64)?;
/// counter.fetch_add(1, Ordering::Relaxed);
///
/// // Another process gets the descriptor; here, the same one maps it once more.
/// let descriptor = segment.descriptor().expect("it has one").try_clone_to_owned()?;
/// let other = Segment::from_descriptor(descriptor)?;
/// assert_ne!(other.as_ptr(), segment.as_ptr());
/// assert_eq!(other.at::<AtomicU64>(64)?.load(Ordering::Relaxed), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Segment {
    mapping: Mapping,
    descriptor: Option<OwnedFd>,
}

impl Segment {
    /// A new segment of `len_bytes` zeros. The name is for people who look at
    /// `/proc/PID/maps`; it may be used again.
    ///
    /// # Errors
    /// [`SharedError::NoRoom`] if there is no memory for all of it;
    /// [`SharedError::Refused`] for length 0; [`SharedError::Os`] for the rest, such as
    /// EMFILE, or a name of more than 249 bytes.
    pub fn create(name: &str, len_bytes: usize) -> Result<Segment, SharedError> {
        if len_bytes == 0 {
            return Err(SharedError::Refused { why: "a segment of 0 bytes cannot be mapped" });
        }
        if cfg!(miri) {
            return Ok(Segment { mapping: Mapping::on_heap(len_bytes), descriptor: None });
        }
        let file = memfd::create(name)?;
        // In this order: the room is taken while the caller can still be told that
        // there is none, and nothing is mapped that could go away.
        memfd::allocate(file.as_fd(), 0, len_bytes)?;
        memfd::seal(file.as_fd(), SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let mapping = Mapping::new(file.as_fd(), len_bytes, Access::ReadWrite)?;
        Ok(Segment { mapping, descriptor: Some(file) })
    }
    // ANCHOR_END: segment

    /// Maps all of a segment that another process has made.
    ///
    /// The descriptor may come from anybody. What its owner can still do, at any time, is change the bytes, and give the
    /// memory of a page back or never have taken it. A touch takes it then, and ends the process if there is none.
    ///
    /// # Errors
    /// [`SharedError::Refused`] if it is not a memfd, can still be made shorter, or is empty; [`SharedError::Os`] if it
    /// may not be written to.
    pub fn from_descriptor(descriptor: OwnedFd) -> Result<Segment, SharedError> {
        let len_bytes =
            memfd::accept_whole(&descriptor, SealFlags::SHRINK, "it can be made shorter")?;
        let mapping = Mapping::new(descriptor.as_fd(), len_bytes, Access::ReadWrite)?;
        Ok(Segment { mapping, descriptor: Some(descriptor) })
    }

    /// The same memory without the descriptor, which is closed: nobody else can be given the segment from here.
    #[must_use]
    pub fn into_mapping(self) -> Segment {
        Segment { mapping: self.mapping, descriptor: None }
    }

    /// What another process needs to map the same memory; `None` after [`Segment::into_mapping`].
    #[inline]
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.descriptor.as_ref().map(AsFd::as_fd)
    }

    /// How long it is, for ever.
    #[inline]
    pub fn len_bytes(&self) -> usize {
        self.mapping.len_bytes()
    }

    /// Where it begins in this process: at the start of a page. In another process it begins elsewhere.
    #[inline]
    pub fn as_ptr(&self) -> NonNull<u8> {
        self.mapping.start()
    }

    // ANCHOR: at
    /// The value at an offset, which is the same in every process. Look at one place
    /// as one type only: accesses of different sizes to the same bytes at the same time
    /// have no defined meaning.
    ///
    /// # Errors
    /// [`SharedError::OutOfBounds`] if it does not lie inside as a whole, or the offset
    /// is not a multiple of its alignment.
    #[inline]
    pub fn at<T: InSegment>(&self, offset_bytes: usize) -> Result<&T, SharedError> {
        let (size_bytes, align_bytes) = (size_of::<T>(), align_of::<T>());
        let len_bytes = self.len_bytes();
        let start = self.as_ptr();
        let inside = len_bytes.checked_sub(size_bytes).is_some_and(|last| offset_bytes <= last);
        if !inside || !(start.addr().get() + offset_bytes).is_multiple_of(align_bytes) {
            return Err(SharedError::OutOfBounds {
                offset_bytes,
                size_bytes,
                align_bytes,
                len_bytes,
            });
        }
        // SAFETY: the offset is inside the mapping, as was just checked.
        let value = unsafe { start.add(offset_bytes) }.cast();
        // SAFETY: the value lies inside as a whole and is aligned; the mapping lives as
        // long as `self`. `InSegment` says that any bytes are a `T`, and that another
        // process may change them while this reference exists.
        Ok(unsafe { value.as_ref() })
    }
}

/// What may lie in a [`Segment`] and be seen through a reference.
///
/// # Safety
/// Any bytes are a valid value, it contains no address, and whatever a `&Self` can read
/// or write it reads and writes atomically: another process may change it at any time.
pub unsafe trait InSegment: Sync {}
// ANCHOR_END: at

macro_rules! in_segment {
    ($($atomic:ty)*) => {
        $(
            // SAFETY: an atomic number: any bytes are one, and it can be reached only by atomic operations.
            unsafe impl InSegment for $atomic {}
        )*
    };
}

in_segment! { AtomicU8 AtomicU16 AtomicU32 AtomicU64 AtomicUsize AtomicI8 AtomicI16 AtomicI32 AtomicI64 AtomicIsize }

// SAFETY: nothing but its elements, for each of which it holds.
unsafe impl<T: InSegment, const N: usize> InSegment for [T; N] {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    /// Also under Miri, on memory of one process.
    #[test]
    fn values_lie_apart_and_inside() {
        let segment = Segment::create("unit", 80).expect("80 bytes");
        for offset in (0..80).step_by(8) {
            segment
                .at::<AtomicU64>(offset)
                .expect("inside")
                .store(offset as u64, Ordering::Relaxed);
        }
        let last = segment.at::<AtomicU32>(72).expect("inside");
        assert_eq!(
            last.load(Ordering::Relaxed),
            if cfg!(target_endian = "little") { 72 } else { 0 }
        );
        assert!(segment.at::<AtomicU64>(76).is_err());
        assert!(segment.at::<[AtomicU8; 81]>(0).is_err());
        assert_eq!(segment.into_mapping().len_bytes(), 80);
    }
}
