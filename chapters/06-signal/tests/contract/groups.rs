//! Whom a signal to a group reaches, and how groups end.

use crate::{Case, pause_for_ever};
use nix::errno::Errno;
use nix::unistd::{getpgid, setsid};
use process::{Snapshot, State};
use signal::{Group, Pid, Signal, Signals, end, lead_group};
use std::io::{ErrorKind, PipeReader, Read, Write, pipe};
use std::thread::sleep;
use std::time::{Duration, Instant};
use wait::{Child, ExitStatus};

pub(crate) const CASES: &[Case] = &[
    (
        "a_signal_reaches_every_member_and_nobody_else",
        a_signal_reaches_every_member_and_nobody_else,
    ),
    ("whoever_makes_the_group_first", whoever_makes_the_group_first),
    ("a_reaped_leader_has_no_group", a_reaped_leader_has_no_group),
    ("an_ended_leader_still_has_its_group", an_ended_leader_still_has_its_group),
    ("a_program_without_a_group_is_refused", a_program_without_a_group_is_refused),
    (
        "the_polite_end_by_sigterm_and_the_deaf_by_sigkill",
        the_polite_end_by_sigterm_and_the_deaf_by_sigkill,
    ),
    ("the_stopped_hear_sigterm", the_stopped_hear_sigterm),
    (
        "who_has_ended_or_was_reaped_keeps_its_status",
        who_has_ended_or_was_reaped_keeps_its_status,
    ),
    ("what_a_leader_leaves_behind_is_killed", what_a_leader_leaves_behind_is_killed),
    ("a_child_without_a_group_is_ended_alone", a_child_without_a_group_is_ended_alone),
    ("all_share_one_grace", all_share_one_grace),
    ("nobody_is_ended_at_once", nobody_is_ended_at_once),
];

/// Longer than any case takes.
const GRACE: Duration = Duration::from_secs(100);

fn by(signal: Signal) -> ExitStatus {
    ExitStatus::Signaled { signal: signal as i32, core_dumped: false }
}

/// A child that leads its group, does `prepare`, says so, and ends only by a signal.
fn leader(prepare: impl FnOnce()) -> Child {
    let (mut ready, tell) = pipe().unwrap();
    let child = Child::fork(move || {
        lead_group().unwrap();
        prepare();
        (&tell).write_all(&[0]).unwrap();
        drop(tell);
        pause_for_ever()
    });
    ready.read_exact(&mut [0]).unwrap();
    child.unwrap()
}

fn deaf() -> Child {
    leader(|| std::mem::forget(Signals::block(&[Signal::SIGTERM]).unwrap()))
}

/// A leader with a member that it will not wait for, and a pipe whose end says that both have ended.
fn with_member(prepare: impl FnOnce()) -> (Child, PipeReader) {
    let (both_gone, held) = pipe().unwrap();
    let child = leader(move || {
        prepare();
        std::mem::forget(Child::fork(pause_for_ever).unwrap());
        std::mem::forget(held);
    });
    (child, both_gone)
}

fn wait_for_end_of(mut pipe: PipeReader) {
    assert_eq!(pipe.read(&mut [0]).unwrap(), 0);
}

fn a_signal_reaches_every_member_and_nobody_else() {
    let mut other = leader(|| ());
    let (mut child, both_gone) = with_member(|| ());
    Group::led_by(&child).unwrap().kill(Signal::SIGUSR1).unwrap();
    wait_for_end_of(both_gone);
    assert_eq!(child.wait().unwrap(), by(Signal::SIGUSR1));
    assert_eq!(other.try_wait().unwrap(), None);
}

fn whoever_makes_the_group_first() {
    let (mut gate, bar) = pipe().unwrap();
    let mut bar = Some(bar);
    let mut child = Child::fork(|| {
        drop(bar.take());
        gate.read_exact(&mut [0]).unwrap();
        lead_group().unwrap();
        lead_group().unwrap();
        setsid().map_or(0, |_| 1)
    })
    .unwrap();
    for _ in 0..2 {
        Group::led_by(&child).unwrap().kill(Signal::SIGCONT).unwrap();
        assert_eq!(getpgid(Some(child.pid())), Ok(child.pid()));
    }
    bar.take().unwrap().write_all(&[0]).unwrap();
    assert_eq!(child.wait().unwrap(), ExitStatus::Exited(0));

    // The head of a session leads its group, and may not be moved.
    let session = leader_of_session();
    Group::led_by(&session).unwrap().kill(Signal::SIGCONT).unwrap();
}

fn leader_of_session() -> Child {
    let (mut ready, tell) = pipe().unwrap();
    let child = Child::fork(move || {
        setsid().unwrap();
        lead_group().unwrap();
        (&tell).write_all(&[0]).unwrap();
        pause_for_ever()
    });
    ready.read_exact(&mut [0]).unwrap();
    child.unwrap()
}

fn a_reaped_leader_has_no_group() {
    let mut child = Child::fork(|| 0).unwrap();
    child.wait().unwrap();
    assert_eq!(Group::led_by(&child).unwrap_err().kind(), ErrorKind::NotFound);
}

fn an_ended_leader_still_has_its_group() {
    let (mut child, both_gone) = with_member(|| ());
    child.kill(Signal::SIGKILL).unwrap();
    until(child.pid(), State::Zombie);
    Group::led_by(&child).unwrap().kill(Signal::SIGTERM).unwrap();
    wait_for_end_of(both_gone);
    assert_eq!(child.wait().unwrap(), by(Signal::SIGKILL));
}

fn until(pid: Pid, state: State) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Snapshot::of(pid.as_raw()).unwrap().state != state {
        assert!(Instant::now() < deadline, "{pid} is not {state}");
        sleep(Duration::from_millis(1));
    }
}

/// A program in the group of this process.
fn program() -> Child {
    exec::Command::new("sleep").arg("600").spawn().unwrap()
}

fn a_program_without_a_group_is_refused() {
    let error = Group::led_by(&program()).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::EACCES as i32));
}

fn the_polite_end_by_sigterm_and_the_deaf_by_sigkill() {
    let mut children = [deaf(), leader(|| ()), deaf()];
    let statuses = end(&mut children, Duration::from_millis(50)).unwrap();
    assert_eq!(statuses, [by(Signal::SIGKILL), by(Signal::SIGTERM), by(Signal::SIGKILL)]);
    let start = Instant::now();
    assert_eq!(end(&mut [leader(|| ())], GRACE).unwrap(), [by(Signal::SIGTERM)]);
    assert!(start.elapsed() < GRACE / 2);
}

fn the_stopped_hear_sigterm() {
    let child = leader(|| ());
    child.kill(Signal::SIGSTOP).unwrap();
    until(child.pid(), State::Stopped);
    assert_eq!(end(&mut [child], GRACE).unwrap(), [by(Signal::SIGTERM)]);
}

fn who_has_ended_or_was_reaped_keeps_its_status() {
    let mut reaped = Child::fork(|| 7).unwrap();
    reaped.wait().unwrap();
    let ended = Child::fork(|| 8).unwrap();
    until(ended.pid(), State::Zombie);
    let statuses = end(&mut [reaped, ended], GRACE).unwrap();
    assert_eq!(statuses, [ExitStatus::Exited(7), ExitStatus::Exited(8)]);
}

fn what_a_leader_leaves_behind_is_killed() {
    // The member has the leader's mask from the fork, so it is deaf; the leader then listens.
    let (both_gone, held) = pipe().unwrap();
    let child = leader(move || {
        let signals = Signals::block(&[Signal::SIGTERM]).unwrap();
        std::mem::forget(Child::fork(pause_for_ever).unwrap());
        std::mem::forget(held);
        drop(signals);
    });
    assert_eq!(end(&mut [child], GRACE).unwrap(), [by(Signal::SIGTERM)]);
    wait_for_end_of(both_gone);
}

fn a_child_without_a_group_is_ended_alone() {
    let mut other = leader(|| ());
    assert_eq!(end(&mut [program()], GRACE).unwrap(), [by(Signal::SIGTERM)]);
    assert_eq!(other.try_wait().unwrap(), None);
}

fn all_share_one_grace() {
    let mut children: Vec<Child> = (0..10).map(|_| deaf()).collect();
    let grace = Duration::from_secs(1);
    let start = Instant::now();
    let statuses = end(&mut children, grace).unwrap();
    assert!(statuses.iter().all(|status| *status == by(Signal::SIGKILL)), "{statuses:?}");
    assert!(start.elapsed() >= grace && start.elapsed() < grace * 9, "{:?}", start.elapsed());
}

fn nobody_is_ended_at_once() {
    assert_eq!(end(&mut [], GRACE).unwrap(), []);
}
