//! What a worker begins with, and how it ends.

use crate::play::{ask, field, start};
use crate::{launcher, with_each_method};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use start::StartMethod;
use std::io::{Read, pipe};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use wait::ExitStatus;

pub(crate) fn kit() {
    with_each_method(|launcher| {
        let (mut readers, writers): (Vec<_>, Vec<_>) = (0..7).map(|_| pipe().unwrap()).unzip();
        let lent: Vec<_> = writers.iter().map(|writer| writer.as_fd()).collect();
        let note = format!("write-each {}", "x".repeat(start::NOTE_LEN_MAX - 11));
        let mut child = launcher.start(&lent, note.as_bytes()).unwrap();
        drop(writers);
        for (nth, reader) in readers.iter_mut().enumerate() {
            let mut said = String::new();
            reader.read_to_string(&mut said).unwrap();
            assert_eq!(said, format!("{nth} {}", start::NOTE_LEN_MAX - 11));
        }
        assert_eq!(child.wait().unwrap(), ExitStatus::Exited(0));

        // Neither descriptors nor a note.
        let mut child = launcher.start(&[], b"exit 3").unwrap();
        assert_eq!(child.wait().unwrap(), ExitStatus::Exited(3));
    });
}

extern "C" fn handler(_: i32) {}

pub(crate) fn clean() {
    // As dirty as a program can be.
    SigSet::all().thread_set_mask().unwrap();
    for signal in [Signal::SIGTERM, Signal::SIGUSR1, Signal::SIGCHLD] {
        let action =
            SigAction::new(SigHandler::Handler(handler), SaFlags::SA_RESTART, SigSet::all());
        // SAFETY: the handler does nothing.
        unsafe { sigaction(signal, &action) }.unwrap();
    }
    for signal in [Signal::SIGHUP, Signal::SIGPIPE, Signal::SIGUSR2] {
        let action = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
        // SAFETY: no function becomes a handler.
        unsafe { sigaction(signal, &action) }.unwrap();
    }
    let own = std::process::id().to_string();
    with_each_method(|launcher| {
        // The second worker as the first.
        for _ in 0..2 {
            let report = ask(launcher, "report");
            assert_eq!(field(&report, "name"), "worker");
            assert_eq!(field(&report, "parent"), own);
            assert_eq!(field(&report, "leads"), "true");
            assert_eq!(field(&report, "threads"), "1");
            for empty in ["mask", "ignored", "caught", "pending"] {
                assert_eq!(field(&report, empty), "0000000000000000", "{empty}");
            }
            let descriptors = field(&report, "descriptors");
            assert!(descriptors.starts_with("0=/dev/null 1="), "{descriptors}");
        }
    });
    SigSet::empty().thread_set_mask().unwrap();
}

pub(crate) fn environment() {
    // SAFETY: this process has one thread.
    unsafe { std::env::set_var("STARTED_BY", "the case") };
    with_each_method(|launcher| {
        let said = ask(launcher, "environment");
        let (own, childs) = said.split_once("--\n").unwrap();
        for environment in [own, childs] {
            assert!(environment.contains("STARTED_BY=the case\n"), "{environment}");
            assert!(!environment.contains("START_BIRTH"), "{environment}");
        }
        assert_eq!(own.lines().count(), std::env::vars_os().count());
    });
}

pub(crate) fn endings() {
    with_each_method(|launcher| {
        let mut end = |note: &str| start(launcher, note).0.wait().unwrap();
        assert_eq!(end("exit 0"), ExitStatus::Exited(0));
        assert_eq!(end("exit 200"), ExitStatus::Exited(200));
        assert_eq!(end("exit -1"), ExitStatus::Exited(255));
        assert_eq!(end("process-exit 9"), ExitStatus::Exited(9));
        assert_eq!(end("panic"), ExitStatus::Exited(fork::PANIC_CODE));
        assert_eq!(end("abort").signal(), Some(libc::SIGABRT));
    });
}

extern "C" fn exit_handler() {
    // Only the program ends with code 0 here; a worker would overwrite its own code.
    if nix::unistd::getppid().as_raw() == PROGRAM.load(std::sync::atomic::Ordering::Relaxed) {
        // SAFETY: `_exit` touches no memory and does not return.
        unsafe { libc::_exit(99) };
    }
}

static PROGRAM: std::sync::atomic::AtomicI32 = std::sync::atomic::AtomicI32::new(-1);

pub(crate) fn exit_handlers() {
    PROGRAM.store(std::process::id() as i32, std::sync::atomic::Ordering::Relaxed);
    // SAFETY: the handler uses an atomic and `_exit`.
    assert_eq!(unsafe { libc::atexit(exit_handler) }, 0);
    with_each_method(|launcher| {
        assert_eq!(start(launcher, "exit 7").0.wait().unwrap(), ExitStatus::Exited(7));
    });
}

/// Locks a robust mutex of the C library and says whose thread id it bears, whose it should be, and whether the kernel
/// has a list to look at when this thread ends.
pub(crate) fn owner_of_a_locked_mutex() -> String {
    let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
    let mut mutex = MaybeUninit::<libc::pthread_mutex_t>::zeroed();
    // SAFETY: the place is valid and initialised once.
    unsafe { libc::pthread_mutexattr_init(attributes.as_mut_ptr()) };
    // SAFETY: initialised above.
    unsafe {
        libc::pthread_mutexattr_setrobust(attributes.as_mut_ptr(), libc::PTHREAD_MUTEX_ROBUST)
    };
    // SAFETY: both places are valid, and the attributes are initialised.
    unsafe { libc::pthread_mutex_init(mutex.as_mut_ptr(), attributes.as_ptr()) };
    // SAFETY: initialised above, and in no other thread's reach.
    let locked = unsafe { libc::pthread_mutex_lock(mutex.as_mut_ptr()) };
    assert_eq!(locked, 0);
    // The first word of glibc's and musl's mutex is a lock word or a type; a robust lock word has the owner's id.
    // SAFETY: a mutex has at least four words, all initialised.
    let words = unsafe { mutex.as_ptr().cast::<[u32; 4]>().read() };
    let mut list = std::ptr::null_mut::<libc::c_void>();
    let mut len = 0_usize;
    // SAFETY: the kernel writes a pointer and a length.
    unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &raw mut list, &raw mut len) };
    let id = nix::unistd::gettid().as_raw() as u32;
    let bears_it = words.iter().any(|word| word & 0x3fff_ffff == id);
    // SAFETY: locked above by this thread.
    unsafe { libc::pthread_mutex_unlock(mutex.as_mut_ptr()) };
    format!("own id {bears_it}, list {}", !list.is_null())
}

pub(crate) fn thread_record() {
    assert_eq!(owner_of_a_locked_mutex(), "own id true, list true");
    with_each_method(|launcher| {
        assert_eq!(ask(launcher, "thread-record"), "own id true, list true");
    });
}

pub(crate) fn nested() {
    with_each_method(|launcher| {
        assert_eq!(
            ask(launcher, "nested"),
            "fork: from below\nspawn: from below\nforkserver: from below\n"
        );
    });
}

pub(crate) fn memory() {
    const USS_MAX: u64 = 300 << 10;
    // What the program has, its forkserver does not.
    let heap = vec![1_u8; 32 << 20];
    let mut forkserver = launcher(StartMethod::Forkserver);
    let (worker, mut reader) = start(&mut forkserver, "wait");
    let (sibling, _) = start(&mut forkserver, "wait");
    let uss = |pid: i32| process::Snapshot::of(pid).unwrap().memory.uss_bytes;
    assert!(uss(worker.pid().as_raw()) <= USS_MAX, "{} bytes", uss(worker.pid().as_raw()));
    let server = forkserver.template_pid().unwrap().as_raw();
    assert!(uss(server) <= 4 * USS_MAX, "the server has {} bytes", uss(server));
    assert_eq!(heap[heap.len() / 2], 1);
    drop((worker, sibling));
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
}
