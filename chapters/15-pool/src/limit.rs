//! What the system refused, by its name, with the limit that can be raised.

use crate::usage;
use executor::PoolError;
use nix::errno::Errno;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use start::StartError;
use std::error::Error;
use std::io;

const DESCRIPTORS: &str = "descriptors of this process (RLIMIT_NOFILE, `ulimit -n`)";

/// What the library takes for a thread's stack, in bytes, if the program does not say otherwise.
const STACK_BYTES: usize = 2 << 20;

/// A failed call as the pool's error: a limit if the system has no room, the call otherwise.
pub(crate) fn refused(
    call: &'static str,
    error: impl Error + Send + Sync + 'static,
) -> PoolError {
    let (resource, limit) = match errno(&error) {
        Some(Errno::EMFILE | Errno::ETOOMANYREFS) => {
            (DESCRIPTORS, Some(Resource::RLIMIT_NOFILE))
        }
        Some(Errno::ENFILE) => ("open files of the system (/proc/sys/fs/file-max)", None),
        Some(Errno::EAGAIN) => return no_process(size::refused_by(Errno::EAGAIN)),
        Some(Errno::EFBIG) => (
            "length of a file, shared memory included (RLIMIT_FSIZE, `ulimit -f`)",
            Some(Resource::RLIMIT_FSIZE),
        ),
        Some(Errno::ENOMEM | Errno::ENOSPC) if data_is_nearer() => (
            "memory of this process alone (RLIMIT_DATA, `ulimit -d`)",
            Some(Resource::RLIMIT_DATA),
        ),
        Some(Errno::ENOMEM | Errno::ENOSPC) => {
            ("memory (RLIMIT_AS, or the cgroup's memory.max)", Some(Resource::RLIMIT_AS))
        }
        _ => return PoolError::Os { call, source: io::Error::other(error) },
    };
    short_of(resource, limit)
}

/// The system is short of this, which the process's own `limit` bounds if there is one.
fn short_of(resource: &str, limit: Option<Resource>) -> PoolError {
    let limits = limit.and_then(|limit| getrlimit(limit).ok());
    let finite = |limit: u64| (limit != RLIM_INFINITY).then_some(limit);
    PoolError::Limit {
        resource: resource.into(),
        soft: limits.and_then(|(soft, _)| finite(soft)),
        hard: limits.and_then(|(_, hard)| finite(hard)),
        needed: None,
    }
}

/// EAGAIN names none of the limits that it stands for. `likely` is the fullest of them; if it has room again, or never was
/// the one, the caller is told of both that can be raised.
fn no_process(likely: Option<size::Limit>) -> PoolError {
    let full = likely.filter(|limit| limit.room(size::Cost::default()) == 0);
    match full {
        Some(limit) if limit.resource != size::Resource::UserProcesses => PoolError::Limit {
            resource: limit.resource.to_string(),
            soft: Some(limit.max),
            hard: None,
            needed: None,
        },
        Some(_) => short_of(
            "processes and threads of this user (RLIMIT_NPROC, `ulimit -u`)",
            Some(Resource::RLIMIT_NPROC),
        ),
        None => short_of(
            "processes and threads: of this user (RLIMIT_NPROC, `ulimit -u`) or of the cgroup (pids.max)",
            Some(Resource::RLIMIT_NPROC),
        ),
    }
}

/// The same as a function of the error, for `map_err`.
pub(crate) fn os(call: &'static str) -> impl Fn(io::Error) -> PoolError {
    move |error| match error.raw_os_error() {
        // Kept as it is where it is no limit: its number is worth more than a wrapper.
        Some(code)
            if !matches!(
                Errno::from_raw(code),
                Errno::EMFILE
                    | Errno::ENFILE
                    | Errno::EAGAIN
                    | Errno::EFBIG
                    | Errno::ENOMEM
                    | Errno::ENOSPC
            ) =>
        {
            PoolError::Os { call, source: error }
        }
        _ => refused(call, error),
    }
}

/// Whether this process is nearer to its limit of memory that it alone may write to than to that of all its addresses.
fn data_is_nearer() -> bool {
    let room = |limit, used: Option<u64>| {
        let (soft, _) = getrlimit(limit).ok()?;
        (soft != RLIM_INFINITY).then(|| soft.saturating_sub(used.unwrap_or(0)))
    };
    let own = std::process::id();
    let data = room(Resource::RLIMIT_DATA, usage::data_bytes(own));
    match (data, room(Resource::RLIMIT_AS, usage::address_bytes(own))) {
        (Some(data), Some(addresses)) => data < addresses,
        (data, _) => data.is_some(),
    }
}

/// Why a thread could not be started. The C library says EAGAIN also where there was no memory for its stack.
pub(crate) fn thread_error(error: io::Error) -> PoolError {
    let no_memory = error.raw_os_error() == Some(Errno::EAGAIN as i32) && !has_memory();
    os("clone")(if no_memory { Errno::ENOMEM.into() } else { error })
}

/// Whether a stack would find memory.
fn has_memory() -> bool {
    let (anywhere, flags) = (std::ptr::null_mut(), libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: the kernel chooses a place where nothing is mapped, and nobody touches it.
    let place = unsafe { libc::mmap(anywhere, STACK_BYTES, access, flags, -1, 0) };
    if place == libc::MAP_FAILED {
        return false;
    }
    // SAFETY: these pages were just mapped, and nothing refers to them.
    unsafe { libc::munmap(place, STACK_BYTES) };
    true
}

/// What a pool has open beside those of its workers: the bell, two wakers, two event loops, the template's two.
const POOL_DESCRIPTORS: u64 = 8;
/// What it has open for each worker: its pidfd, its socket, its tether, its standard error.
const WORKER_DESCRIPTORS: u64 = 4;
/// What it has open for a moment while it starts a worker.
const START_DESCRIPTORS: u64 = 9;

/// Says how many descriptors the program would have at once while it builds a pool of so many workers, if that was the
/// limit. Nothing of the pool is left when this is called.
pub(crate) fn with_needed(mut error: PoolError, workers: usize) -> PoolError {
    if let PoolError::Limit { resource, needed, .. } = &mut error
        && resource == DESCRIPTORS
        && let Ok(open) = std::fs::read_dir("/proc/self/fd")
    {
        // One of them is the listing's own.
        let open = open.count() as u64 - 1;
        *needed = Some(
            open + POOL_DESCRIPTORS + WORKER_DESCRIPTORS * workers as u64 + START_DESCRIPTORS,
        );
    }
    error
}

pub(crate) fn start_error(error: StartError) -> PoolError {
    match error {
        StartError::NotInitialized => PoolError::NotInitialized,
        StartError::Threads { count } => PoolError::ForkWithThreads { count },
        StartError::Timeout { after } => PoolError::StartTimeout { after },
        other => refused("start", other),
    }
}

/// The number of the system's own error, however deep it lies.
fn errno(error: &(dyn Error + 'static)) -> Option<Errno> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            if let Some(code) = error.raw_os_error() {
                return Some(Errno::from_raw(code));
            }
            // What an `io::Error` wraps is not its source, but stands for it.
            next = error.get_ref().map(|inner| -> &(dyn Error + 'static) { inner });
            continue;
        }
        if let Some(errno) = error.downcast_ref::<Errno>() {
            return Some(*errno);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_found_however_deep_it_lies() {
        let deep = io::Error::other(io::Error::from_raw_os_error(Errno::EMFILE as i32));
        let PoolError::Limit { resource, soft, .. } = refused("memfd_create", deep) else {
            panic!("no limit");
        };
        assert!(resource.contains("RLIMIT_NOFILE") && soft.is_some(), "{resource} {soft:?}");
    }

    #[test]
    fn a_process_is_refused_by_whichever_limit_is_full() {
        let named = |likely| match no_process(likely) {
            PoolError::Limit { resource, soft, .. } => (resource, soft),
            other => panic!("{other:?}"),
        };
        let limit = |resource, used| {
            let mut limit = size::limits().pop().expect("a limit");
            (limit.resource, limit.max, limit.used) = (resource, 64, Some(used));
            limit.binding = true;
            Some(limit)
        };
        let (resource, max) = named(limit(size::Resource::GroupProcesses, 64));
        assert_eq!((resource.as_str(), max), ("processes of the cgroup (pids.max)", Some(64)));
        let (resource, _) = named(limit(size::Resource::UserProcesses, 70));
        assert!(
            resource.contains("RLIMIT_NPROC") && !resource.contains("pids.max"),
            "{resource}"
        );
        for open in [None, limit(size::Resource::GroupProcesses, 10)] {
            let (resource, _) = named(open);
            assert!(
                resource.contains("RLIMIT_NPROC") && resource.contains("pids.max"),
                "{resource}"
            );
        }
    }

    #[test]
    fn chapter_13_counts_a_workers_descriptors_as_they_are() {
        assert_eq!(size::Cost::default().descriptors, WORKER_DESCRIPTORS);
    }

    #[test]
    fn a_file_that_would_be_too_long_is_a_limit_of_its_own() {
        let PoolError::Limit { resource, .. } = os("fallocate")(Errno::EFBIG.into()) else {
            panic!("no limit");
        };
        assert!(resource.contains("RLIMIT_FSIZE"), "{resource}");
    }

    #[test]
    fn another_error_keeps_its_call_and_number() {
        match os("epoll_ctl")(io::Error::from_raw_os_error(Errno::EPERM as i32)) {
            PoolError::Os { call: "epoll_ctl", source } => {
                assert_eq!(source.raw_os_error(), Some(Errno::EPERM as i32));
            }
            other => panic!("{other:?}"),
        }
    }
}
