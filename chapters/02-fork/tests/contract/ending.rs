//! How a child ends, and that it never runs on in the caller's code.

use crate::observe::{Bomb, Witness, code_of, drops, ended, without_core_files};
use fork::{ForkError, PANIC_CODE, fork, fork_unchecked};
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;
use std::panic::{catch_unwind, panic_any};
use std::thread;

pub(crate) fn exit_codes_lose_all_but_8_bits() {
    for (code, seen) in [(0, 0), (7, 7), (255, 255), (256, 0), (-1, 255), (i32::MIN, 0)] {
        assert_eq!(code_of(fork(|| code)), seen, "{code}");
    }
}

pub(crate) fn the_child_never_runs_the_callers_code() {
    let this = Pid::this();
    let dropped = drops(|writer| {
        let _witness = Witness(writer);
        assert_eq!(code_of(fork(|| 0)), 0);
        let payload = fork(|| panic_any(1));
        assert_eq!(Pid::this(), this, "the child went on in the caller");
        assert_eq!(code_of(payload), PANIC_CODE);
    });
    assert_eq!(dropped, [this.as_raw()]);
}

pub(crate) fn what_is_moved_in_is_dropped_in_both() {
    let mut child = None;
    let dropped = drops(|writer| {
        let witness = Witness(writer);
        let pid = fork(move || {
            let _witness = &witness;
            0
        });
        child = pid.as_ref().ok().copied();
        assert_eq!(code_of(pid), 0);
    });
    let mut expected = [Pid::this().as_raw(), child.expect("forked").as_raw()];
    let mut dropped: [i32; 2] = dropped.try_into().expect("two drops");
    expected.sort();
    dropped.sort();
    assert_eq!(dropped, expected);
}

pub(crate) fn a_panic_is_code_101() {
    assert_eq!(code_of(fork(|| panic!("a message"))), PANIC_CODE);
    assert_eq!(code_of(fork(|| panic_any(Bomb))), PANIC_CODE);
    assert_eq!(
        code_of(fork(|| {
            let _bomb = Bomb;
            0
        })),
        PANIC_CODE
    );
}

pub(crate) fn a_panic_during_a_panic_ends_by_sigabrt() {
    without_core_files();
    let status = ended(fork(|| {
        let _bomb = Bomb;
        panic!("first")
    }));
    assert!(matches!(status, WaitStatus::Signaled(_, Signal::SIGABRT, _)), "{status:?}");
}

pub(crate) fn unchecked_panic_goes_nowhere() {
    let this = Pid::this();
    let dropped = drops(|writer| {
        let _witness = Witness(writer);
        // SAFETY: this program has one thread.
        let pid = catch_unwind(|| unsafe { fork_unchecked(|| panic!("let out")) });
        assert_eq!(Pid::this(), this, "the child went on in the caller");
        assert_eq!(code_of(pid.expect("no panic here")), PANIC_CODE);
    });
    assert_eq!(dropped, [this.as_raw()]);
}

pub(crate) fn exit_inside_the_child_is_its_end() {
    assert_eq!(code_of(fork(|| std::process::exit(3))), 3);
}

extern "C" fn ends_with_77() {
    // SAFETY: `_exit` takes any number and does not return.
    unsafe { libc::_exit(77) }
}

pub(crate) fn exit_handlers_of_the_caller_do_not_run() {
    // In a child, so that the handler is not this program's own.
    let code = code_of(fork(|| {
        // SAFETY: the handler is a function of this program and calls nothing but `_exit`.
        assert_eq!(unsafe { libc::atexit(ends_with_77) }, 0);
        assert_eq!(code_of(fork(|| std::process::exit(0))), 77, "the handler is there");
        code_of(fork(|| 3))
    }));
    assert_eq!(code, 3);
}

pub(crate) fn a_child_can_fork() {
    assert_eq!(code_of(fork(|| code_of(fork(|| code_of(fork(|| 40)) + 1)) + 1)), 42);
}

pub(crate) fn threads_of_the_child_end_with_it() {
    let code = code_of(fork(|| {
        thread::spawn(|| {
            loop {
                thread::park();
            }
        });
        assert!(matches!(fork(|| 0), Err(ForkError::Threads { count: 2 })));
        5
    }));
    assert_eq!(code, 5);
}

/// Forks when it is dropped; the child panics.
struct Forks;

impl Drop for Forks {
    fn drop(&mut self) {
        assert_eq!(code_of(fork(|| panic!("in the child"))), PANIC_CODE);
        assert_eq!(code_of(fork(|| 6)), 6);
    }
}

pub(crate) fn it_can_be_called_while_unwinding() {
    let this = Pid::this();
    let unwound = catch_unwind(|| {
        let _forks = Forks;
        panic!("in the caller");
    });
    assert!(unwound.is_err());
    assert_eq!(Pid::this(), this, "the child went on in the caller");
}

thread_local! {
    static AT_THE_END: Forks = const { Forks };
}

pub(crate) fn it_can_be_called_at_the_end_of_a_thread() {
    // `exit` runs the destructors of the thread that calls it; an assertion that fails there aborts.
    let code = code_of(fork(|| {
        AT_THE_END.with(|_| ());
        std::process::exit(4)
    }));
    assert_eq!(code, 4);
}
