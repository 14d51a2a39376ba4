//! What becomes of masks, actions and handlers.

use crate::program::{output, program};
use exec::{Command, ExecError};
use nix::errno::Errno;
use nix::sys::signal::{
    SaFlags, SigAction, SigHandler, SigSet, Signal, killpg, raise, sigaction,
};
use nix::unistd::{Pid, setpgid};
use std::io::pipe;
use std::process::id;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

static HANDLED: AtomicU32 = AtomicU32::new(0);
static ELSEWHERE: AtomicU32 = AtomicU32::new(0);
static HOME: AtomicU32 = AtomicU32::new(0);

/// Counts where it runs. The memory is the parent's even if the process is not.
extern "C" fn count(_: libc::c_int) {
    // SAFETY: `getpid` takes nothing and touches no memory; a handler may call it.
    let here = unsafe { libc::getpid() } as u32;
    let counter = if here == HOME.load(Ordering::Relaxed) { &HANDLED } else { &ELSEWHERE };
    counter.fetch_add(1, Ordering::Relaxed);
}

fn set(signal: Signal, handler: SigHandler) {
    HOME.store(id(), Ordering::Relaxed);
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: `count` only touches atomics and calls `getpid`.
    unsafe { sigaction(signal, &action) }.expect("a signal that has an action");
}

/// The masks of `/proc/self/status`, as a program sees them that sets none itself, which a
/// program in Rust does.
fn masks() -> String {
    let status = output(Command::new("sed").args(["-n", "/^Sig/p", "/proc/self/status"]));
    let lines = status.lines().filter(|line| {
        ["SigBlk:", "SigIgn:", "SigCgt:"].iter().any(|word| line.starts_with(word))
    });
    lines.fold(String::new(), |masks, line| masks + line + "\n")
}

pub(crate) fn begin_clean() {
    // What whoever runs the tests ignores stays so, but not SIGPIPE, which Rust's runtime
    // ignores, and 32 and 33, which the C library's `posix_spawn` leaves ignored.
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).expect("a mask");
    let inherited = u64::from_str_radix(line, 16).expect("hex");
    let inherited = inherited & !bit(Signal::SIGPIPE) & !(0b11 << 31);
    set(Signal::SIGTERM, SigHandler::Handler(count));
    set(Signal::SIGUSR2, SigHandler::SigIgn);
    SigSet::from(Signal::SIGUSR1).thread_block().expect("block");
    raise(Signal::SIGUSR1).expect("leave a signal pending");
    assert_eq!(masks(), clean(inherited | bit(Signal::SIGUSR2)));
    set(Signal::SIGUSR2, SigHandler::SigDfl);
    assert_eq!(masks(), clean(inherited & !bit(Signal::SIGUSR2)));
}

fn bit(signal: Signal) -> u64 {
    1 << (signal as i32 - 1)
}

fn clean(ignored: u64) -> String {
    format!("SigBlk:\t{:016x}\nSigIgn:\t{ignored:016x}\nSigCgt:\t{:016x}\n", 0, 0)
}

pub(crate) fn caller_keeps_its_own() {
    set(Signal::SIGTERM, SigHandler::Handler(count));
    let mask = SigSet::from(Signal::SIGUSR1);
    mask.thread_set_mask().expect("block");
    program("nothing").spawn().expect("spawn").wait().expect("wait");
    Command::new("/nonexistent").spawn().expect_err("absent");
    assert_eq!(SigSet::thread_get_mask().expect("a mask"), mask);
    raise(Signal::SIGTERM).expect("raise");
    assert_eq!(HANDLED.load(Ordering::Relaxed), 1);
}

/// A signal to the whole group all the time: system calls are interrupted, and a handler would
/// run in the child if it could. Programs ignore SIGWINCH if they have no handler for it.
pub(crate) fn storm() {
    setpgid(Pid::this(), Pid::this()).expect("a group of our own");
    set(Signal::SIGWINCH, SigHandler::Handler(count));
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                killpg(Pid::this(), Signal::SIGWINCH).expect("signal the group");
            }
        });
        for round in 0..200 {
            assert_eq!(output(Command::new("echo").arg("a")), "a\n", "round {round}");
            let error = Command::new("/nonexistent").spawn().expect_err("absent");
            assert!(matches!(error, ExecError::Exec { .. }), "round {round}: {error}");
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(HANDLED.load(Ordering::Relaxed) > 0, "no signal arrived");
    assert_eq!(ELSEWHERE.load(Ordering::Relaxed), 0, "a handler ran in the child");
}

/// The kernel reaps then, so nobody can be told how a program ended; but the rest must work.
pub(crate) fn ignored_sigchld() {
    set(Signal::SIGCHLD, SigHandler::SigIgn);
    for _ in 0..50 {
        let error = Command::new("/nonexistent").spawn().expect_err("absent");
        let source = std::error::Error::source(&error)
            .and_then(|error| error.downcast_ref::<std::io::Error>()?.raw_os_error());
        assert_eq!(source, Some(Errno::ENOENT as i32), "{error}");
    }
    let (reader, writer) = pipe().expect("pipe");
    let mut child = program("hold").fd(3, reader).spawn().expect("a program that still runs");
    drop(writer);
    let error = child.wait().expect_err("the kernel has its status");
    assert!(error.to_string().contains("SIGCHLD"), "{error}");
}
