//! Limits that a case sets for its own process, or a task for its worker, until they are dropped.

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use std::fs::File;

/// A lowered soft limit.
struct Lowered {
    resource: Resource,
    soft_before: u64,
    hard: u64,
}

impl Lowered {
    fn to(resource: Resource, soft: u64) -> Lowered {
        let (soft_before, hard) = getrlimit(resource).expect("a limit");
        setrlimit(resource, soft.min(hard), hard).expect("a lower limit");
        Lowered { resource, soft_before, hard }
    }
}

impl Drop for Lowered {
    fn drop(&mut self) {
        setrlimit(self.resource, self.soft_before, self.hard).expect("the limit as it was");
    }
}

/// A limit of descriptors, and what fills it.
pub(crate) struct Descriptors {
    lowered: Lowered,
    soft: u64,
    fillers: Vec<File>,
}

/// More than all programs of a user have on their way in messages, which is limited by the same number.
const MANY: u64 = 1024;

impl Descriptors {
    pub(crate) fn at_most(soft: u64) -> Descriptors {
        let lowered = Lowered::to(Resource::RLIMIT_NOFILE, soft);
        Descriptors { lowered, soft, fillers: Vec::new() }
    }

    /// None is left. Where one is closed, one can be opened.
    pub(crate) fn none_left() -> Descriptors {
        let mut descriptors = Descriptors::at_most(MANY);
        while let Ok(file) = File::open("/dev/null") {
            descriptors.fillers.push(file);
        }
        descriptors
    }

    /// Not one more can be opened, also if others are closed: the standard three have the only numbers that are allowed.
    pub(crate) fn none_ever() -> Descriptors {
        let none = Descriptors::at_most(3);
        assert!(File::open("/dev/null").is_err());
        none
    }

    pub(crate) fn soft(&self) -> u64 {
        self.soft
    }

    pub(crate) fn hard(&self) -> Option<u64> {
        (self.lowered.hard != RLIM_INFINITY).then_some(self.lowered.hard)
    }
}

/// How many descriptors this process has.
pub(crate) fn open_descriptors() -> u64 {
    // One of them is the listing's own.
    std::fs::read_dir("/proc/self/fd").expect("/proc").count() as u64 - 1
}

/// A limit of memory, in one of the ways that it is counted.
pub(crate) struct Memory {
    _lowered: Lowered,
}

impl Memory {
    /// As many addresses as this process has now, and so many bytes more.
    pub(crate) fn addresses(more_bytes: u64) -> Memory {
        Memory::at_most(Resource::RLIMIT_AS, 0, more_bytes)
    }

    /// As much memory that this process alone may write to as it has now, and so many bytes more.
    pub(crate) fn data(more_bytes: u64) -> Memory {
        Memory::at_most(Resource::RLIMIT_DATA, 5, more_bytes)
    }

    /// Files of so many bytes, those in memory too.
    pub(crate) fn files(bytes: u64) -> Memory {
        Memory { _lowered: Lowered::to(Resource::RLIMIT_FSIZE, bytes) }
    }

    fn at_most(resource: Resource, field: usize, more_bytes: u64) -> Memory {
        let statm = std::fs::read_to_string("/proc/self/statm").expect("/proc");
        let pages = statm.split_whitespace().nth(field).expect("seven words");
        let pages: u64 = pages.parse().expect("a number");
        let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE);
        let page = page.ok().flatten().expect("known").unsigned_abs();
        Memory { _lowered: Lowered::to(resource, pages * page + more_bytes) }
    }
}

/// Gives the heap some free memory, for all threads, so that a limit of addresses meets large requests and not the small
/// ones: where those find no memory, a Rust program ends.
pub(crate) fn grow_the_heap() {
    // SAFETY: a call that touches no memory of this program's. Other threads would want a heap of their own.
    assert_eq!(unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) }, 1);
    let mut pieces: Vec<Box<[u8]>> = (0..2_000).map(|_| vec![1; 4 << 10].into()).collect();
    // The last one keeps the C library from giving the others back.
    std::mem::forget(pieces.pop());
}
