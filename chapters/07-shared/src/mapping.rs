//! A part of this process's address space that shows a memfd.
//!
//! Invariant: the pages between `start` and `start + len_bytes` are mapped until the value is dropped, and the file
//! behind them is at least as long and sealed against shrinking (whoever makes a mapping has seen to that).
//!
//! # References
//! man 2 mmap; man 2 mremap.

use crate::SharedError;
use rustix::mm::{Advice, MapFlags, MremapFlags, ProtFlags, madvise, mmap, mremap, munmap};
use rustix::param::page_size;
use std::alloc::Layout;
use std::ffi::c_void;
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::ptr::{self, NonNull};

/// Whether writes are allowed; they reach every process that has the file mapped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    ReadWrite,
}

/// The beginning of a file, mapped. Of length 0 it maps nothing.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    len_bytes: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread. It gives out nothing but an address; who makes a
// reference of it has to justify that.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    pub(crate) const EMPTY: Mapping = Mapping { start: NonNull::dangling(), len_bytes: 0 };

    /// Maps the first `len_bytes` of a file that has at least so many and is sealed
    /// against shrinking. Takes no memory: pages come when they are touched.
    pub(crate) fn new(
        file: BorrowedFd<'_>,
        len_bytes: usize,
        access: Access,
    ) -> Result<Mapping, SharedError> {
        if len_bytes == 0 {
            return Ok(Mapping::EMPTY);
        }
        let (protection, flags) = match access {
            Access::ReadWrite => (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED),
            // Without a right to write, private is as good as shared: there is never a
            // copy. Kernels before 6.7 refuse to map a file shared that is sealed
            // against writing.
            Access::Read => (ProtFlags::READ, MapFlags::PRIVATE),
        };
        // SAFETY: no address is asked for, so the kernel chooses one where nothing is
        // mapped.
        let start = unsafe { mmap(ptr::null_mut(), len_bytes, protection, flags, file, 0) }
            .map_err(SharedError::taking("mmap", len_bytes))?;
        Ok(Mapping { start: at(start), len_bytes })
    }

    /// For Miri, which knows no memfd: memory of this process alone, to check what is done in it.
    pub(crate) fn on_heap(len_bytes: usize) -> Mapping {
        let layout = heap_layout(len_bytes);
        // SAFETY: the length is not 0, as callers see to.
        let start = unsafe { std::alloc::alloc_zeroed(layout) };
        Mapping { start: at(start.cast()), len_bytes }
    }

    /// The same file from its start, up to `len_bytes`, which it has. The address may change.
    pub(crate) fn grow(
        &mut self,
        file: BorrowedFd<'_>,
        len_bytes: usize,
    ) -> Result<(), SharedError> {
        if self.len_bytes == 0 {
            *self = Mapping::new(file, len_bytes, Access::ReadWrite)?;
            return Ok(());
        }
        let old = self.start.as_ptr().cast();
        // SAFETY: this is exactly the mapping that `self` owns; `&mut self` says that nobody uses an address in it.
        // If the kernel refuses, it is as before.
        let start = unsafe { mremap(old, self.len_bytes, len_bytes, MremapFlags::MAYMOVE) }
            .map_err(SharedError::taking("mremap", len_bytes))?;
        self.start = at(start);
        self.len_bytes = len_bytes;
        Ok(())
    }

    /// Takes the pages of a range now, all with one call, where touching them one after the other would enter the
    /// kernel for each. The memory behind them has been allocated. Kernels before 5.14 do not know the advice.
    pub(crate) fn populate(&self, range: Range<usize>) {
        let len_bytes = range.end - range.start;
        assert!(range.end <= self.len_bytes, "more than is mapped");
        // SAFETY: inside the mapping, as was just checked.
        let start = unsafe { self.start.add(range.start) }.as_ptr().cast();
        // SAFETY: this advice changes nothing about what can be read there; it does early what a write would do.
        let _ = unsafe { madvise(start, len_bytes, Advice::LinuxPopulateWrite) };
    }

    #[inline]
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    #[inline]
    pub(crate) fn len_bytes(&self) -> usize {
        self.len_bytes
    }
}

fn heap_layout(len_bytes: usize) -> Layout {
    Layout::from_size_align(len_bytes, page_size()).expect("a length that a test asks for")
}

/// The kernel gives out no mapping at address 0 unless it is asked to.
fn at(start: *mut c_void) -> NonNull<u8> {
    NonNull::new(start.cast()).expect("a mapping at an address that was not asked for")
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if cfg!(miri) && self.len_bytes > 0 {
            // SAFETY: under Miri every mapping is one of `on_heap`, with this layout.
            unsafe { std::alloc::dealloc(self.start.as_ptr(), heap_layout(self.len_bytes)) };
        } else if self.len_bytes > 0 {
            // SAFETY: the mapping is this value's own, and nobody borrows from it any more. It can fail only for
            // addresses that are not mapped.
            let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len_bytes) };
        }
    }
}
