//! What cannot be started, and that nothing is left of it.

use crate::play::{ask, nothing};
use crate::with_each_method;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use start::{DESCRIPTORS_MAX, NOTE_LEN_MAX, StartError};
use std::os::fd::AsFd;
use wait::ExitStatus;

pub(crate) fn invalid() {
    with_each_method(|launcher| {
        let lent = nothing();
        let long = vec![b'x'; NOTE_LEN_MAX + 1];
        let refused = launcher.start(&[], &long).expect_err("a long note");
        assert!(matches!(refused, StartError::Invalid { .. }), "{refused}");
        let many = vec![lent.as_fd(); DESCRIPTORS_MAX + 1];
        let refused = launcher.start(&many, b"exit 0").expect_err("many descriptors");
        assert!(matches!(refused, StartError::Invalid { .. }), "{refused}");
        // One less is possible, and the launcher is as good as before.
        let mut child = launcher.start(&many[1..], b"exit 4").unwrap();
        assert_eq!(child.wait().unwrap(), ExitStatus::Exited(4));
    });
}

/// Whatever the limit, a worker is started or an error says why not; nothing is left, and with the old limit it works.
pub(crate) fn no_descriptor_left() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    with_each_method(|launcher| {
        let lent = nothing();
        let (mut started, mut refused) = (0, 0);
        for limit in 3..24 {
            setrlimit(Resource::RLIMIT_NOFILE, limit, hard).unwrap();
            let result = launcher.start(&[lent.as_fd(); 3], b"exit 0");
            setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
            match result {
                Ok(mut child) => {
                    started += 1;
                    child.wait().unwrap();
                }
                Err(error @ StartError::Limit { .. }) => {
                    assert!(error.to_string().contains("ulimit -n"), "{error}");
                    refused += 1;
                }
                Err(error) => panic!("{error} with a limit of {limit}"),
            }
        }
        assert!(started > 0 && refused > 0, "{started} started, {refused} refused");
        assert_eq!(ask(launcher, "write again"), "again");
    });

    // The template's own limit: it has no room for the kit.
    for method in [start::StartMethod::Fork, start::StartMethod::Forkserver] {
        setrlimit(Resource::RLIMIT_NOFILE, 16, hard).unwrap();
        let mut launcher = crate::launcher(method);
        setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
        let lent = nothing();
        let refused = launcher.start(&[lent.as_fd(); 40], b"exit 0").expect_err("no room");
        assert!(matches!(refused, StartError::Limit { .. }), "{refused}");
        assert_eq!(ask(&mut launcher, "write again"), "again");
    }
}

/// A user's limit on processes. It does not bind root, who becomes somebody else first.
pub(crate) fn no_process_left() {
    use nix::unistd::{Uid, geteuid, setresuid};
    if geteuid().is_root() {
        let user = Uid::from_raw(61_234);
        if setresuid(user, user, user).is_err() {
            return;
        }
        // What the change of user took away, and the cases need to look into their own processes.
        let _ = nix::sys::prctl::set_dumpable(true);
    }
    let (soft, hard) = getrlimit(Resource::RLIMIT_NPROC).unwrap();
    with_each_method(|launcher| {
        // A template has a limit of its own, which is the one that it was made with.
        let limited = launcher.template_pid().unwrap_or_else(nix::unistd::getpid);
        let set = |limit: u64| {
            let new = libc::rlimit { rlim_cur: limit, rlim_max: hard };
            // SAFETY: `new` is valid for a read; no old limit is asked for.
            let done = unsafe {
                libc::prlimit(limited.as_raw(), libc::RLIMIT_NPROC, &new, std::ptr::null_mut())
            };
            assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
        };
        set(1);
        let result = launcher.start(&[], b"exit 0");
        set(soft);
        match result {
            Err(error @ StartError::Limit { .. }) => {
                assert!(error.to_string().contains("ulimit -u"), "{error}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(ask(launcher, "write again"), "again");
    });
}
