//! What the system refused, by its name, with the limit that can be raised.

use crate::error::PoolError;
use nix::errno::Errno;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use start::StartError;
use std::error::Error;
use std::io;

/// A failed call as the pool's error: a limit if the system has no room, the call otherwise.
pub(crate) fn refused(
    call: &'static str,
    error: impl Error + Send + Sync + 'static,
) -> PoolError {
    let (resource, limit) = match errno(&error) {
        Some(Errno::EMFILE) => (
            "descriptors of this process (RLIMIT_NOFILE, `ulimit -n`)",
            Some(Resource::RLIMIT_NOFILE),
        ),
        Some(Errno::ENFILE) => ("open files of the system (/proc/sys/fs/file-max)", None),
        Some(Errno::EAGAIN) => (
            "processes and threads: of this user (RLIMIT_NPROC, `ulimit -u`) or of the cgroup (pids.max)",
            Some(Resource::RLIMIT_NPROC),
        ),
        Some(Errno::ENOMEM | Errno::ENOSPC) => {
            ("memory (RLIMIT_AS, or the cgroup's memory.max)", Some(Resource::RLIMIT_AS))
        }
        _ => return PoolError::Os { call, source: io::Error::other(error) },
    };
    let limits = limit.and_then(|limit| getrlimit(limit).ok());
    let finite = |limit: u64| (limit != RLIM_INFINITY).then_some(limit);
    PoolError::Limit {
        resource: resource.into(),
        soft: limits.and_then(|(soft, _)| finite(soft)),
        hard: limits.and_then(|(_, hard)| finite(hard)),
        needed: None,
    }
}

/// The same as a function of the error, for `map_err`.
pub(crate) fn os(call: &'static str) -> impl Fn(io::Error) -> PoolError {
    move |error| match error.raw_os_error() {
        // Kept as it is where it is no limit: its number is worth more than a wrapper.
        Some(code)
            if !matches!(
                Errno::from_raw(code),
                Errno::EMFILE | Errno::ENFILE | Errno::EAGAIN | Errno::ENOMEM | Errno::ENOSPC
            ) =>
        {
            PoolError::Os { call, source: error }
        }
        _ => refused(call, error),
    }
}

pub(crate) fn start_error(error: StartError) -> PoolError {
    match error {
        StartError::NotInitialized => PoolError::NotInitialized,
        StartError::Threads { count } => PoolError::ForkWithThreads { count },
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
    fn another_error_keeps_its_call_and_number() {
        match os("epoll_ctl")(io::Error::from_raw_os_error(Errno::EPERM as i32)) {
            PoolError::Os { call: "epoll_ctl", source } => {
                assert_eq!(source.raw_os_error(), Some(Errno::EPERM as i32));
            }
            other => panic!("{other:?}"),
        }
    }
}
