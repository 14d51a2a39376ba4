//! When there is no fork, and what the caller hears of it.

use crate::observe::{Witness, code_of, drops, reap};
use contract::assert_no_children;
use fork::{ForkError, fork};
use memmap2::MmapMut;
use nix::errno::Errno;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, sigaction};
use nix::sys::sysinfo::sysinfo;
use nix::sys::wait::WaitStatus;
use nix::unistd::{self, Gid, Pid, Uid, geteuid};
use std::sync::mpsc;
use std::thread;

pub(crate) fn more_threads_refuse() {
    let (release, released) = mpsc::channel::<()>();
    let thread = thread::spawn(move || released.recv());
    for _ in 0..2 {
        match fork(|| 0) {
            Err(ForkError::Threads { count }) => assert_eq!(count, 2),
            other => panic!("{other:?}"),
        }
    }
    assert_no_children();
    drop(release);
    thread.join().expect("join").expect_err("the sender was dropped");
    assert_eq!(code_of(fork(|| 0)), 0);
}

/// How often a thread is started, joined and followed by a fork. `JOINS` in the environment overrides it.
const JOINS: usize = 1000;

pub(crate) fn joined_threads_do_not_count() {
    let joins = std::env::var("JOINS").map_or(JOINS, |joins| joins.parse().expect("a number"));
    for join in 0..joins {
        thread::spawn(|| ()).join().expect("join");
        assert_eq!(code_of(fork(|| 0)), 0, "after join {join}");
        // A scope waits for the closures of its threads, not for the threads.
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| ());
            }
        });
        assert_eq!(code_of(fork(|| 0)), 0, "after scope {join}");
    }
}

extern "C" fn ignore(_signal: i32) {}

pub(crate) fn signals_do_not_interrupt() {
    let action = SigAction::new(SigHandler::Handler(ignore), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler does nothing at all.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.expect("sigaction");
    let this = Pid::this();
    let sender = fork(|| {
        while unistd::getppid() == this && kill(this, Signal::SIGUSR1).is_ok() {}
        0
    })
    .expect("fork the sender");
    for code in 0..300 {
        assert_eq!(code_of(fork(|| code % 200)), code % 200);
    }
    kill(sender, Signal::SIGKILL).expect("kill the sender");
    let status = reap(sender);
    assert!(matches!(status, WaitStatus::Signaled(_, Signal::SIGKILL, _)), "{status:?}");
}

pub(crate) fn the_limit_is_reported() {
    // In a child, because a user who is not root cannot raise the limit again.
    let code = code_of(fork(|| {
        setrlimit(Resource::RLIMIT_NPROC, 0, 0).expect("setrlimit");
        if geteuid().is_root() {
            // The limit does not hold for root. A user namespace may have nobody else.
            let nobody = 65534;
            let changed = unistd::setgid(Gid::from_raw(nobody))
                .and_then(|()| unistd::setuid(Uid::from_raw(nobody)));
            if changed == Err(Errno::EINVAL) || changed == Err(Errno::EPERM) {
                println!("not tried: root here cannot become another user");
                return 0;
            }
            changed.expect("setuid");
        }
        let dropped = drops(|writer| {
            let witness = Witness(writer);
            let refused = fork(move || {
                let _witness = &witness;
                0
            });
            match refused {
                Err(ForkError::Limit { source }) => {
                    assert_eq!(source.raw_os_error(), Some(Errno::EAGAIN as i32));
                }
                other => panic!("{other:?}"),
            }
        });
        assert_eq!(dropped, [Pid::this().as_raw()], "the closure is dropped once");
        assert_no_children();
        0
    }));
    assert_eq!(code, 0);
    // The limit was that child's alone.
    assert_eq!(code_of(fork(|| 0)), 0);
}

const HUGE_PAGE_LEN: usize = 2 << 20;

/// Fork asks for the memory of every private writable mapping once more (man 5 proc_sys_vm, `overcommit_memory`). With
/// the usual setting only a single mapping larger than the machine's memory is refused. `mmap` would refuse it as
/// well, but two smaller ones that touch become one. Some kernels begin large mappings at a multiple of the size of a
/// huge page, so they touch only if their lengths are such multiples too.
pub(crate) fn missing_memory_is_reported() {
    let setting = std::fs::read_to_string("/proc/sys/vm/overcommit_memory").expect("readable");
    if setting.trim() != "0" {
        println!("not tried: this machine promises memory by another rule, {}", setting.trim());
        return;
    }
    let machine = sysinfo().expect("sysinfo");
    let len = usize::try_from(machine.ram_total() + machine.swap_total()).expect("64 bits");
    let len = (len / 10 * 7) & !(HUGE_PAGE_LEN - 1);
    let halves = [MmapMut::map_anon(len), MmapMut::map_anon(len)];
    let [Ok(one), Ok(other)] = halves else {
        println!("not tried: this process may not map that much");
        return;
    };
    if one.as_ptr().addr().abs_diff(other.as_ptr().addr()) != len {
        println!("not tried: the two mappings are apart");
        return;
    }
    match fork(|| 0) {
        Err(ForkError::Limit { source }) => {
            assert_eq!(source.raw_os_error(), Some(Errno::ENOMEM as i32));
        }
        other => panic!("{other:?}"),
    }
    assert_no_children();
    drop((one, other));
    assert_eq!(code_of(fork(|| 0)), 0);
}
