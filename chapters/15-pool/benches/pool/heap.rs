//! The heap, counted: how many bytes are allocated now.
//!
//! Invariant: [`HELD`] is the sum of what was allocated and not freed since counting began. It costs one load where
//! nobody counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static HELD: AtomicI64 = AtomicI64::new(0);

/// What `body` leaves allocated, in bytes, in whatever thread; and what it returns.
pub(crate) fn held_by<T>(body: impl FnOnce() -> T) -> (i64, T) {
    HELD.store(0, Ordering::Relaxed);
    COUNTS.store(true, Ordering::SeqCst);
    let result = body();
    COUNTS.store(false, Ordering::SeqCst);
    (HELD.load(Ordering::Relaxed), result)
}

struct Counting;

impl Counting {
    fn count(bytes: i64) {
        if COUNTS.load(Ordering::Relaxed) {
            HELD.fetch_add(bytes, Ordering::Relaxed);
        }
    }
}

// SAFETY: every call goes to the system's allocator as it came, which keeps all promises of the trait; counting touches
// two atomics and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Counting::count(layout.size() as i64);
        // SAFETY: the caller keeps the promises that this method asks for, which are the same there.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Counting::count(layout.size() as i64);
        // SAFETY: the caller keeps the promises that this method asks for, which are the same there.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Counting::count(-(layout.size() as i64));
        // SAFETY: the caller keeps the promises that this method asks for, which are the same there.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        Counting::count(new_size as i64 - layout.size() as i64);
        // SAFETY: the caller keeps the promises that this method asks for, which are the same there.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}
