//! When the four verbs return.

use crate::{Case, pause_for_ever};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, kill, sigaction};
use nix::sys::time::TimeValLike;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::getpid;
use process::{Snapshot, State};
use std::io::{Read, pipe};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use wait::{Child, ExitStatus, Signal, become_subreaper, children};

pub(crate) const CASES: &[Case] = &[
    ("an_end_is_told_again_and_again", an_end_is_told_again_and_again),
    ("try_wait_only_looks", try_wait_only_looks),
    ("wait_timeout_lasts_as_long_as_it_says", wait_timeout_lasts_as_long_as_it_says),
    ("wait_timeout_takes_any_duration", wait_timeout_takes_any_duration),
    ("waiting_uses_no_processor_time", waiting_uses_no_processor_time),
    ("a_descriptor_that_does_not_block_waits_too", a_descriptor_that_does_not_block_waits_too),
    ("signals_disturb_no_wait", signals_disturb_no_wait),
    ("a_stopped_child_has_not_ended", a_stopped_child_has_not_ended),
    ("dropping_kills_and_reaps", dropping_kills_and_reaps),
    ("unwinding_kills_and_reaps", unwinding_kills_and_reaps),
    ("a_child_that_waits_in_vfork_dies", a_child_that_waits_in_vfork_dies),
];

const KILLED: ExitStatus = ExitStatus::Signaled { signal: 9, core_dumped: false };

fn until_ended(child: &Child) {
    let ready = poll(&mut [PollFd::new(child.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE);
    assert_eq!(ready, Ok(1));
}

fn an_end_is_told_again_and_again() {
    let mut child = Child::fork(|| 3).unwrap();
    for _ in 0..2 {
        assert_eq!(child.wait().unwrap(), ExitStatus::Exited(3));
        assert_eq!(child.try_wait().unwrap(), Some(ExitStatus::Exited(3)));
        assert_eq!(child.wait_timeout(Duration::ZERO).unwrap(), Some(ExitStatus::Exited(3)));
        child.kill(Signal::SIGKILL).unwrap();
    }
}

fn try_wait_only_looks() {
    let (mut gate, bar) = pipe().unwrap();
    let mut bar = Some(bar);
    let mut child = Child::fork(|| {
        drop(bar.take());
        gate.read_to_end(&mut Vec::new()).map_or(1, |_| 4)
    })
    .unwrap();
    assert_eq!(child.try_wait().unwrap(), None);
    assert_eq!(child.wait_timeout(Duration::ZERO).unwrap(), None);
    drop(bar.take());
    until_ended(&child);
    // A signal to a zombie is no error and changes nothing about its end.
    child.kill(Signal::SIGKILL).unwrap();
    assert_eq!(child.try_wait().unwrap(), Some(ExitStatus::Exited(4)));
}

fn wait_timeout_lasts_as_long_as_it_says() {
    let mut child = Child::fork(pause_for_ever).unwrap();
    for timeout in [Duration::from_micros(1), Duration::from_micros(20_300)] {
        let begin = Instant::now();
        assert_eq!(child.wait_timeout(timeout).unwrap(), None);
        assert!(begin.elapsed() >= timeout);
    }
}

fn wait_timeout_takes_any_duration() {
    let days = |count: u64| Duration::from_secs(count * 24 * 60 * 60);
    // `poll` counts to 24 days, a clock to some hundreds of years.
    for timeout in [days(1), days(25), days(1 << 40), Duration::MAX] {
        let mut child = Child::fork(pause_for_ever).unwrap();
        child.kill(Signal::SIGKILL).unwrap();
        assert_eq!(child.wait_timeout(timeout).unwrap(), Some(KILLED));
    }
}

fn waiting_uses_no_processor_time() {
    let nap = Duration::from_millis(400);
    let month = Duration::from_secs(30 * 24 * 60 * 60);
    let mut child = Child::fork(|| {
        std::thread::sleep(nap);
        0
    })
    .unwrap();
    let used = || {
        let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
        Duration::from_micros(
            (usage.user_time().num_microseconds() + usage.system_time().num_microseconds())
                .unsigned_abs(),
        )
    };
    let before = used();
    assert_eq!(child.wait_timeout(month).unwrap(), Some(ExitStatus::Exited(0)));
    let spent = used() - before;
    assert!(spent < nap / 8, "{spent:?} of processor time while the child slept {nap:?}");
}

/// `waitid` does not wait through a pidfd with O_NONBLOCK (PIDFD_NONBLOCK, Linux 5.10).
fn a_descriptor_that_does_not_block_waits_too() {
    let (mut gate, bar) = pipe().unwrap();
    let mut bar = Some(bar);
    let owner = Child::fork(|| {
        drop(bar.take());
        gate.read_to_end(&mut Vec::new()).map_or(1, |_| {
            std::thread::sleep(Duration::from_millis(20));
            2
        })
    })
    .unwrap();
    let pidfd = owner.as_fd().try_clone_to_owned().unwrap();
    fcntl(&pidfd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let mut child = Child::from_pidfd(owner.pid(), pidfd).unwrap();
    assert_eq!(child.try_wait().unwrap(), None);
    assert_eq!(child.wait_timeout(Duration::from_millis(5)).unwrap(), None);
    drop(bar.take());
    assert_eq!(child.wait().unwrap(), ExitStatus::Exited(2));
    drop(owner);
}

static HANDLED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count(_: libc::c_int) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

fn signals_disturb_no_wait() {
    // Without SA_RESTART: system calls that wait are interrupted.
    let action = SigAction::new(SigHandler::Handler(count), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler does nothing but one atomic addition, which a handler may do.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();
    let target = getpid();
    let storm = Child::fork(|| {
        while kill(target, Signal::SIGUSR1).is_ok() {
            std::thread::yield_now();
        }
        1
    })
    .unwrap();

    let mut sleeper = Child::fork(pause_for_ever).unwrap();
    let timeout = Duration::from_millis(100);
    let begin = Instant::now();
    assert_eq!(sleeper.wait_timeout(timeout).unwrap(), None);
    assert!(begin.elapsed() >= timeout);
    for _ in 0..50 {
        let mut child = Child::fork(|| {
            std::thread::sleep(Duration::from_millis(1));
            5
        })
        .unwrap();
        assert_eq!(child.wait().unwrap(), ExitStatus::Exited(5));
    }
    let so_far = HANDLED.load(Ordering::Relaxed);
    assert!(so_far > 10, "only {so_far} signals came: this has shown nothing");
    drop(storm);
}

fn a_stopped_child_has_not_ended() {
    let mut child = Child::fork(pause_for_ever).unwrap();
    stop(&child);
    assert_eq!(child.try_wait().unwrap(), None);
    assert_eq!(child.wait_timeout(Duration::from_millis(5)).unwrap(), None);
    child.kill(Signal::SIGTERM).unwrap();
    // A stopped process takes no signal but SIGKILL before it goes on.
    assert_eq!(child.wait_timeout(Duration::from_millis(5)).unwrap(), None);
    child.kill(Signal::SIGCONT).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::SIGTERM as i32));
}

fn stop(child: &Child) {
    child.kill(Signal::SIGSTOP).unwrap();
    waitid(Id::Pid(child.pid()), WaitPidFlag::WSTOPPED | WaitPidFlag::WNOWAIT).unwrap();
}

/// The harness sees that nothing is left.
fn dropping_kills_and_reaps() {
    drop(Child::fork(pause_for_ever).unwrap());

    let stopped = Child::fork(pause_for_ever).unwrap();
    stop(&stopped);
    drop(stopped);

    let ended = Child::fork(|| 0).unwrap();
    until_ended(&ended);
    drop(ended);

    let mut reaped = Child::fork(|| 0).unwrap();
    reaped.wait().unwrap();
    drop(reaped);
}

fn unwinding_kills_and_reaps() {
    let unwound = std::panic::catch_unwind(|| {
        let _child = Child::fork(pause_for_ever).unwrap();
        std::panic::resume_unwind(Box::new("meant"));
    });
    assert!(unwound.is_err());
}

/// A process that waits for the end of a vfork is in state D, and yet can be killed.
fn a_child_that_waits_in_vfork_dies() {
    become_subreaper().unwrap();
    let child = Child::fork(|| {
        // The kernel takes five words as wide as a pointer: flags, stack, and three that these flags do not use.
        let flags = (libc::CLONE_VFORK | libc::SIGCHLD) as usize;
        let none = 0_usize;
        // SAFETY: this process has one thread, and without CLONE_VM the new one has memory of its own: for memory and
        // locks this is a fork, so both may run on.
        unsafe { libc::syscall(libc::SYS_clone, flags, none, none, none, none) };
        pause_for_ever()
    })
    .unwrap();
    // The case's deadline is that of this loop.
    while Snapshot::of(child.pid().as_raw()).unwrap().state != State::DiskSleep {
        std::thread::yield_now();
    }
    drop(child);
    for orphan in children().unwrap() {
        drop(Child::adopt(orphan).unwrap());
    }
}
