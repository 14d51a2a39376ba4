//! What is blocked, what is read, and what takes effect afterwards.

use crate::{Case, pause_for_ever};
use nix::sys::signal::{SigSet, kill, raise};
use nix::unistd::{alarm, getpid};
use signal::{EventLoop, Pid, Received, Signal, SignalSets, Signals, unblock_all};
use std::io::{ErrorKind, Read, Write, pipe};
use std::time::Duration;
use wait::{Child, ExitStatus};

pub(crate) const CASES: &[Case] = &[
    ("a_signal_is_read_with_its_sender", a_signal_is_read_with_its_sender),
    ("many_of_one_kind_are_read_once", many_of_one_kind_are_read_once),
    ("sigchld_names_the_child", sigchld_names_the_child),
    ("what_the_kernel_sends_has_no_sender", what_the_kernel_sends_has_no_sender),
    ("dropping_unblocks_only_what_it_blocked", dropping_unblocks_only_what_it_blocked),
    ("an_unread_signal_takes_effect_at_the_drop", an_unread_signal_takes_effect_at_the_drop),
    ("what_nobody_can_block_is_refused", what_nobody_can_block_is_refused),
    ("a_child_is_deaf_until_it_unblocks", a_child_is_deaf_until_it_unblocks),
    ("a_copy_in_a_child_reads_the_childs_signals", a_copy_in_a_child_reads_the_childs_signals),
];

const DEADLINE: Option<Duration> = Some(Duration::from_secs(60));

fn by(signal: Signal, process: Pid) -> Option<Received> {
    Some(Received { signal, process: Some(process) })
}

fn terminated() -> ExitStatus {
    ExitStatus::Signaled { signal: Signal::SIGTERM as i32, core_dumped: false }
}

fn a_signal_is_read_with_its_sender() {
    let signals = Signals::block(&[Signal::SIGUSR1, Signal::SIGTERM]).unwrap();
    assert_eq!(signals.read().unwrap(), None);
    let mut events = EventLoop::new().unwrap();
    events.add(&signals, ()).unwrap();
    assert!(events.wait(Some(Duration::ZERO)).unwrap().is_empty());
    let own = getpid();
    let mut child = Child::fork(|| kill(own, Signal::SIGTERM).map_or(1, |()| 0)).unwrap();
    assert_eq!(child.wait().unwrap(), ExitStatus::Exited(0));
    assert_eq!(events.wait(DEADLINE).unwrap().len(), 1);
    assert_eq!(signals.read().unwrap(), by(Signal::SIGTERM, child.pid()));
    assert_eq!(signals.read().unwrap(), None);
    assert!(events.wait(Some(Duration::ZERO)).unwrap().is_empty());
}

fn many_of_one_kind_are_read_once() {
    let signals = Signals::block(&[Signal::SIGUSR1, Signal::SIGUSR2]).unwrap();
    for signal in [Signal::SIGUSR2, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGUSR2] {
        raise(signal).unwrap();
    }
    assert_eq!(signals.read().unwrap(), by(Signal::SIGUSR1, getpid()));
    assert_eq!(signals.read().unwrap(), by(Signal::SIGUSR2, getpid()));
    assert_eq!(signals.read().unwrap(), None);
}

fn sigchld_names_the_child() {
    let signals = Signals::block(&[Signal::SIGCHLD]).unwrap();
    let mut child = Child::fork(|| 0).unwrap();
    child.wait().unwrap();
    assert_eq!(signals.read().unwrap(), by(Signal::SIGCHLD, child.pid()));
}

fn what_the_kernel_sends_has_no_sender() {
    let signals = Signals::block(&[Signal::SIGALRM]).unwrap();
    let mut events = EventLoop::new().unwrap();
    events.add(&signals, ()).unwrap();
    alarm::set(1);
    assert_eq!(events.wait(DEADLINE).unwrap().len(), 1);
    let alarm = Received { signal: Signal::SIGALRM, process: None };
    assert_eq!(signals.read().unwrap(), Some(alarm));
}

fn dropping_unblocks_only_what_it_blocked() {
    SigSet::from(Signal::SIGUSR1).thread_block().unwrap();
    let blocked = || SignalSets::this().unwrap().blocked;
    let before = blocked();
    let signals = Signals::block(&[Signal::SIGUSR1, Signal::SIGUSR2]).unwrap();
    assert!(blocked().contains(Signal::SIGUSR1) && blocked().contains(Signal::SIGUSR2));
    drop(signals);
    assert_eq!(blocked(), before);
    assert!(blocked().contains(Signal::SIGUSR1) && !blocked().contains(Signal::SIGUSR2));
    unblock_all().unwrap();
    assert!(blocked().is_empty());
}

fn an_unread_signal_takes_effect_at_the_drop() {
    let mut child = Child::fork(|| {
        let signals = Signals::block(&[Signal::SIGTERM, Signal::SIGUSR1]).unwrap();
        raise(Signal::SIGUSR1).unwrap();
        // What was read is done with.
        assert!(signals.read().unwrap().is_some());
        raise(Signal::SIGTERM).unwrap();
        assert!(SignalSets::this().unwrap().pending.contains(Signal::SIGTERM));
        drop(signals);
        0
    });
    assert_eq!(child.as_mut().unwrap().wait().unwrap(), terminated());
}

fn what_nobody_can_block_is_refused() {
    for signal in [Signal::SIGKILL, Signal::SIGSTOP] {
        let error = Signals::block(&[Signal::SIGUSR1, signal]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(!SignalSets::this().unwrap().blocked.contains(Signal::SIGUSR1));
    }
}

fn a_child_is_deaf_until_it_unblocks() {
    let _signals = Signals::block(&[Signal::SIGTERM]).unwrap();
    let (mut gate, bar) = pipe().unwrap();
    let mut bar = Some(bar);
    let mut child = Child::fork(|| {
        drop(bar.take());
        gate.read_exact(&mut [0]).unwrap();
        unblock_all().unwrap();
        pause_for_ever()
    })
    .unwrap();
    child.kill(Signal::SIGTERM).unwrap();
    // It is sent when `kill` returns, and would have ended the child at its next step.
    assert!(SignalSets::of(child.pid()).unwrap().pending.contains(Signal::SIGTERM));
    assert_eq!(child.try_wait().unwrap(), None);
    bar.take().unwrap().write_all(&[0]).unwrap();
    assert_eq!(child.wait().unwrap(), terminated());
}

fn a_copy_in_a_child_reads_the_childs_signals() {
    let signals = Signals::block(&[Signal::SIGUSR1]).unwrap();
    raise(Signal::SIGUSR1).unwrap();
    let mut child = Child::fork(|| {
        let none = signals.read().unwrap();
        raise(Signal::SIGUSR1).unwrap();
        let own = signals.read().unwrap();
        i32::from(none.is_some() || own != by(Signal::SIGUSR1, getpid()))
    });
    assert_eq!(child.as_mut().unwrap().wait().unwrap(), ExitStatus::Exited(0));
    assert_eq!(signals.read().unwrap(), by(Signal::SIGUSR1, getpid()));
}
