//! A stack for the child that borrows this process's memory.
//!
//! Invariant: below the stack lies a page that may not be touched, so a child that needed more
//! room than there is would end by SIGSEGV and not write into somebody else's memory.
//!
//! The source is man 2 mmap, "MAP_STACK"; man 2 clone, "stack".

use crate::ExecError;
use nix::errno::Errno;
use std::ffi::c_void;

/// Room for the few frames of `child.rs`; an unoptimised build needs less than 8 KiB of it.
const STACK_LEN: usize = 64 << 10;

/// Memory to run on, given back on drop.
#[derive(Debug)]
pub(crate) struct Stack {
    start: *mut c_void,
    len: usize,
}

impl Stack {
    pub(crate) fn new() -> Result<Self, ExecError> {
        // SAFETY: `sysconf` takes a number and touches nothing.
        let page_len = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let guard_len = usize::try_from(page_len).unwrap_or(STACK_LEN);
        let len = guard_len + STACK_LEN;
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping at a place of the kernel's choice, so nobody's memory is
        // changed.
        let start = unsafe {
            libc::mmap(std::ptr::null_mut(), len, protection, flags | libc::MAP_STACK, -1, 0)
        };
        if start == libc::MAP_FAILED {
            return Err(ExecError::new("mmap", Errno::last()));
        }
        let stack = Stack { start, len };
        // SAFETY: the first page of the mapping that was just made; nobody uses it.
        let guarded = unsafe { libc::mprotect(start, guard_len, libc::PROT_NONE) };
        Errno::result(guarded).map_err(|errno| ExecError::new("mprotect", errno))?;
        Ok(stack)
    }

    /// Where the stack begins. It grows towards lower addresses.
    pub(crate) fn top(&mut self) -> *mut c_void {
        // SAFETY: adding the length of the mapping gives the end of the mapping.
        unsafe { self.start.byte_add(self.len) }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: `start` and `len` are a mapping of this value's own, and no child runs on it
        // any more: `spawn.rs` drops the stack only after `clone` has returned.
        unsafe { libc::munmap(self.start, self.len) };
    }
}
