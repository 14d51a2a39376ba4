//! A fork whose child is a sibling: its parent is the caller's parent.
//!
//! The C library's `fork` takes no flags, and its `clone` wants a new stack. So this is the bare system call, and
//! what `fork` does besides for a process with one thread is done here: the child's own thread id goes where the C
//! library keeps it, and the kernel is told again where the list of held robust mutexes is. Without the first, a
//! robust mutex that the child locks would bear the id of the template, without the second the kernel would not
//! look at it when the child dies. Handlers of `pthread_atfork` do not run.
//!
//! Invariant: the number of a child that was made is in the shared word before either process goes on. So whoever
//! maps that word knows of the child even if the caller is killed at once.
//!
//! # References
//! man 2 clone, "CLONE_PARENT", "CLONE_PARENT_SETTID", "C library/kernel differences"; man 2 get_robust_list; the
//! kernel's `kernel/fork.c`, `kernel_clone`.

use nix::errno::Errno;
use nix::unistd::Pid;
use std::ffi::{c_int, c_long, c_void};
use std::ptr;
use std::sync::atomic::AtomicU32;

/// Where the C library keeps what a fork has to renew.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThreadRecord {
    /// Null if it cannot be found; then the child's first thread has a wrong idea of its id.
    thread_id: *mut c_int,
    robust_list: *mut c_void,
    robust_list_len: usize,
}

impl ThreadRecord {
    /// That of the calling thread.
    pub(crate) fn find() -> Self {
        let mut robust_list: *mut c_void = ptr::null_mut();
        let mut robust_list_len = 0_usize;
        // SAFETY: both pointers are valid for the write of a pointer and a length; 0 is the calling thread.
        let found = unsafe {
            libc::syscall(
                libc::SYS_get_robust_list,
                0,
                &raw mut robust_list,
                &raw mut robust_list_len,
            )
        };
        if found != 0 {
            robust_list = ptr::null_mut();
        }
        ThreadRecord { thread_id: thread_id_place(robust_list), robust_list, robust_list_len }
    }

    /// In the child: its first thread holds no robust mutex yet, and the kernel has forgotten where to look.
    fn renew(self) {
        if !self.robust_list.is_null() {
            // SAFETY: the list's head is the calling thread's own, in the copy of the memory that it was found in.
            unsafe {
                libc::syscall(libc::SYS_set_robust_list, self.robust_list, self.robust_list_len)
            };
        }
    }
}

/// The number is not in every version of `libc`.
const PR_GET_TID_ADDRESS: c_int = 40;

/// Where the calling thread's id is to be kept.
fn thread_id_place(robust_list: *mut c_void) -> *mut c_int {
    let mut place: *mut c_int = ptr::null_mut();
    // SAFETY: the kernel writes one pointer, which is the one that the C library gave it when the thread began.
    let known = unsafe { libc::prctl(PR_GET_TID_ADDRESS, &raw mut place) };
    if known == 0 {
        return place;
    }
    // A kernel without CONFIG_CHECKPOINT_RESTORE does not tell. In glibc's record of a thread the id stands before the
    // head of that list, with a word for an id that is unused by now and a pointer in between.
    if cfg!(all(target_env = "gnu", target_pointer_width = "64")) && !robust_list.is_null() {
        let candidate = robust_list.wrapping_byte_sub(16).cast::<c_int>();
        // SAFETY: 16 bytes before the list's head is inside the same record, which is far larger and aligned to 8.
        let value = unsafe { candidate.read() };
        if value == nix::unistd::gettid().as_raw() {
            return candidate;
        }
    }
    ptr::null_mut()
}

// ANCHOR: clone
/// Who goes on after [`clone_sibling`].
#[derive(Debug)]
pub(crate) enum Side {
    Caller { sibling: Pid },
    Sibling,
}

/// Forks a child of the caller's parent, and writes its number to `word`.
///
/// # Safety
/// The calling process has one thread, whose record is `record`.
pub(crate) unsafe fn clone_sibling(
    word: &AtomicU32,
    record: ThreadRecord,
) -> Result<Side, Errno> {
    let mut flags = libc::CLONE_PARENT | libc::CLONE_PARENT_SETTID | libc::SIGCHLD;
    if !record.thread_id.is_null() {
        flags |= libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID;
    }
    // SAFETY: `word` is valid for a write, also by the kernel; `record.thread_id` is null and unused, or the
    // place for the id of this thread.
    let pid = unsafe { raw_clone(flags, word.as_ptr().cast(), record.thread_id) };
    match Errno::result(pid)? {
        0 => {
            record.renew();
            Ok(Side::Sibling)
        }
        pid => Ok(Side::Caller { sibling: Pid::from_raw(pid as i32) }),
    }
}
// ANCHOR_END: clone

/// The system call. A stack of null is the caller's own, in the child's copy of the memory.
///
/// # Safety
/// As [`clone_sibling`]; the pointers are valid where `flags` uses them.
unsafe fn raw_clone(flags: c_int, parent_id: *mut c_int, child_id: *mut c_int) -> c_long {
    let (flags, stack) = (flags as c_long, ptr::null_mut::<c_void>());
    let tls: c_long = 0;
    // The order of the last two arguments differs between architectures, and that of the first two on s390x.
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's promise.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, stack, parent_id, child_id, tls) };
    #[cfg(target_arch = "s390x")]
    // SAFETY: the caller's promise.
    let pid = unsafe { libc::syscall(libc::SYS_clone, stack, flags, parent_id, child_id, tls) };
    #[cfg(not(any(target_arch = "x86_64", target_arch = "s390x")))]
    // SAFETY: the caller's promise.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, stack, parent_id, tls, child_id) };
    pid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_the_thread_id_holds_the_thread_id() {
        let record = ThreadRecord::find();
        assert!(!record.robust_list.is_null());
        if record.thread_id.is_null() {
            return;
        }
        // SAFETY: the C library keeps an id there as long as the thread lives, which is the calling one.
        let id = unsafe { record.thread_id.read() };
        assert_eq!(id, nix::unistd::gettid().as_raw());
    }
}
