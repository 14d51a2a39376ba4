//! Which process a pool belongs to.
//!
//! A library may fork the program while a pool is alive. The copy has the pool's memory and none of its threads; its
//! rings are the same shared memory as the program's, and the locks are in whatever state the fork met them. So a copy
//! keeps its hands off: it is found out before anything of the pool is locked, written or closed.
//!
//! Invariant: [`Origin::is_here`] is true in the process that asked for it and in no other, at the cost of a load.
//!
//! # References
//! man 2 fork; man 2 madvise, "MADV_WIPEONFORK".

use std::ffi::c_void;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// What a copy of the program is told.
pub(crate) const FOREIGN: &str = "this process is a copy of the one that built the pool, made by a fork: build a pool of its own";

/// The process that something was made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin(u32);

impl Origin {
    pub(crate) fn here() -> Origin {
        Origin(current())
    }

    /// Whether the calling process is that one, and not a copy of it.
    #[inline]
    pub(crate) fn is_here(self) -> bool {
        self.0 == current()
    }
}

/// The calling process's id, without a system call for all but the first time in a process.
#[inline]
fn current() -> u32 {
    let Some(word) = word() else { return std::process::id() };
    match word.load(Ordering::Relaxed) {
        0 => {
            let id = std::process::id();
            word.store(id, Ordering::Relaxed);
            id
        }
        id => id,
    }
}

/// A word that is zero in every new copy of the process. `None` on a kernel before 4.14.
#[inline]
fn word() -> Option<&'static AtomicU32> {
    static WORD: OnceLock<Option<&'static AtomicU32>> = OnceLock::new();
    *WORD.get_or_init(|| if cfg!(miri) { None } else { wiped_on_fork() })
}

#[cold]
fn wiped_on_fork() -> Option<&'static AtomicU32> {
    // The kernel gives whole pages, so any length below one is one.
    let len = size_of::<AtomicU32>();
    let (protection, flags) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: the kernel chooses a place where nothing is mapped.
    let place: *mut c_void =
        unsafe { libc::mmap(ptr::null_mut(), len, protection, flags, -1, 0) };
    if place == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the page was just mapped, is private and has no other user.
    if unsafe { libc::madvise(place, len, libc::MADV_WIPEONFORK) } != 0 {
        // SAFETY: as above; nothing refers to it.
        unsafe { libc::munmap(place, len) };
        return None;
    }
    // SAFETY: a page of zeroes, aligned, that stays mapped for ever and is only looked at as this type.
    Some(unsafe { &*place.cast::<AtomicU32>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_where_it_is() {
        assert!(Origin::here().is_here());
        assert!(!Origin(std::process::id() + 1).is_here());
        assert_eq!(current(), std::process::id());
    }
}
