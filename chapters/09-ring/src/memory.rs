//! What a ring is written into: words that another process may change at any time.
//!
//! [`Memory`] is all that the protocol needs of it, so that a model checker can put its own memory underneath.
//! `Mapped` is the real one. It reads and writes only by atomic operations, and it cuts every position down to the
//! ring, so no position whatever leads out of it. That holds for wild positions of a damaged ring too.

use crate::layout::{DATA_OFFSET, HEAD_OFFSET, HEADER_BYTES, TAIL_OFFSET};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The memory of one ring. A position is a byte count, and its place is taken modulo the capacity.
pub trait Memory {
    /// The producer's index, with Acquire: what was written before it was published is visible.
    fn load_tail(&self) -> u64;

    /// Publishes the producer's index, with Release.
    fn store_tail(&self, position: u64);

    /// The consumer's index, with Acquire: what was read before it was given back has been read.
    fn load_head(&self) -> u64;

    /// Publishes the consumer's index, with Release.
    fn store_head(&self, position: u64);

    /// The length in the header at `position`, a multiple of 8.
    fn load_len(&self, position: u64) -> u32;

    /// Sets the length in the header at `position`, and its mark to 0.
    fn store_len(&self, position: u64, len: u32);

    /// The 8 bytes at `position`, a multiple of 8, in the order of the memory.
    fn load(&self, position: u64) -> u64;

    /// Sets the 8 bytes at `position`.
    fn store(&self, position: u64, word: u64);
}

/// A ring in memory that is mapped here, and that may be mapped elsewhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mapped {
    base: NonNull<u8>,
    /// The capacity less one.
    mask: u64,
}

impl Mapped {
    /// # Safety
    /// `base` is aligned to 8 bytes. While this and its copies are in use, `bytes_for(capacity_bytes)` bytes from there
    /// on are mapped for reading and writing, and everybody in this process reads and writes them by atomic operations.
    /// `capacity_bytes` is a power of two, and at least 16.
    pub(crate) unsafe fn new(base: NonNull<u8>, capacity_bytes: usize) -> Mapped {
        Mapped { base, mask: capacity_bytes as u64 - 1 }
    }

    /// # Safety
    /// An atomic integer of type `T` is in the ring at `offset_bytes`, and aligned.
    #[inline]
    unsafe fn atomic<T>(&self, offset_bytes: usize) -> &T {
        // SAFETY: the caller keeps to the ring, all of which is mapped (`new`).
        let place = unsafe { self.base.add(offset_bytes) };
        // SAFETY: the place is aligned for T (the caller), and is only ever accessed atomically (`new`).
        unsafe { place.cast().as_ref() }
    }

    /// The offset of the place of a position, which is in the data, and a multiple of 8.
    #[inline]
    fn place(&self, position: u64) -> usize {
        DATA_OFFSET + (position & self.mask & !7) as usize
    }

    #[inline]
    fn word(&self, position: u64) -> &AtomicU64 {
        // SAFETY: `place` is a multiple of 8 and at most 8 bytes before the end of the ring.
        unsafe { self.atomic(self.place(position)) }
    }

    #[inline]
    fn len(&self, position: u64) -> &AtomicU32 {
        // SAFETY: as for `word`, of which this is the first half.
        unsafe { self.atomic(self.place(position)) }
    }

    /// The mark of the record at `position`.
    #[inline]
    pub(crate) fn mark(&self, position: u64) -> &AtomicU32 {
        // SAFETY: as for `word`, of which this is the second half.
        unsafe { self.atomic(self.place(position) + 4) }
    }

    /// Where the payload of the record at `position` is.
    #[inline]
    pub(crate) fn payload(&self, position: u64) -> NonNull<u8> {
        let offset = self.place(position.wrapping_add(HEADER_BYTES as u64));
        // SAFETY: `place` is in the ring, all of which is mapped.
        unsafe { self.base.add(offset) }
    }
}

impl Memory for Mapped {
    #[inline]
    fn load_tail(&self) -> u64 {
        // SAFETY: the first line of the ring begins with the tail.
        unsafe { self.atomic::<AtomicU64>(TAIL_OFFSET) }.load(Ordering::Acquire)
    }

    #[inline]
    fn store_tail(&self, position: u64) {
        // SAFETY: as in `load_tail`.
        unsafe { self.atomic::<AtomicU64>(TAIL_OFFSET) }.store(position, Ordering::Release);
    }

    #[inline]
    fn load_head(&self) -> u64 {
        // SAFETY: the second line of the ring begins with the head.
        unsafe { self.atomic::<AtomicU64>(HEAD_OFFSET) }.load(Ordering::Acquire)
    }

    #[inline]
    fn store_head(&self, position: u64) {
        // SAFETY: as in `load_head`.
        unsafe { self.atomic::<AtomicU64>(HEAD_OFFSET) }.store(position, Ordering::Release);
    }

    #[inline]
    fn load_len(&self, position: u64) -> u32 {
        self.len(position).load(Ordering::Relaxed)
    }

    #[inline]
    fn store_len(&self, position: u64, len: u32) {
        self.len(position).store(len, Ordering::Relaxed);
        self.mark(position).store(0, Ordering::Relaxed);
    }

    #[inline]
    fn load(&self, position: u64) -> u64 {
        self.word(position).load(Ordering::Relaxed)
    }

    #[inline]
    fn store(&self, position: u64, word: u64) {
        self.word(position).store(word, Ordering::Relaxed);
    }
}
