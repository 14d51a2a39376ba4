//! The futex and the doorbell.

use crate::{about_to_sleep, end_of, segment, until_asleep};
use contract::Case;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, sigaction};
use shared::Segment;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::{Duration, Instant};
use wait::{Child, ExitStatus, Signal};
use wake::futex::{self, Waited};
use wake::{Doorbell, spin};

pub(crate) const CASES: &[Case] = &[
    ("a_ring_wakes_a_process_that_has_the_bell_elsewhere", a_ring_wakes_a_process),
    ("a_wake_up_reaches_as_many_processes_as_it_says", a_wake_up_counts),
    ("a_private_wait_is_not_found_from_outside", a_private_wait_is_not_found_from_outside),
    ("a_killed_waiter_costs_one_ring_and_no_more", a_killed_waiter_costs_one_ring),
    ("a_signal_does_not_end_a_wait", a_signal_does_not_end_a_wait),
    ("a_wait_ends_with_its_time", a_wait_ends_with_its_time),
    ("what_is_ready_is_not_waited_for", what_is_ready_is_not_waited_for),
    ("a_ring_keeps_an_armed_waiter_awake", a_ring_keeps_an_armed_waiter_awake),
    ("a_damaged_word_is_an_armed_one", a_damaged_word_is_an_armed_one),
];

const BELL: usize = 0;
const LETTER: usize = 256;

fn bell(segment: &Segment) -> &Doorbell {
    segment.at(BELL).unwrap()
}

fn letter(segment: &Segment) -> &AtomicU32 {
    segment.at(LETTER).unwrap()
}

fn a_ring_wakes_a_process() {
    let segment = segment();
    assert!(!bell(&segment).ring(), "nobody waits yet");
    let mut child = Child::fork(|| {
        let descriptor = segment.descriptor().unwrap().try_clone_to_owned().unwrap();
        let own = Segment::from_descriptor(descriptor).unwrap();
        assert_ne!(own.as_ptr(), segment.as_ptr());
        about_to_sleep(&own);
        assert!(bell(&own).wait(None, || letter(&own).load(Acquire) == 7));
        assert!(!bell(&own).is_armed());
        0
    })
    .unwrap();
    until_asleep(&segment, &child);
    assert!(bell(&segment).is_armed());
    // A ring without news wakes it, and it sleeps again.
    assert!(bell(&segment).ring());
    assert!(spin(Duration::from_secs(60), || bell(&segment).is_armed()));
    letter(&segment).store(7, Release);
    assert!(bell(&segment).ring());
    assert_eq!(end_of(&mut child), ExitStatus::Exited(0));
    assert!(!bell(&segment).ring(), "nobody waits any more");
}

fn a_wake_up_counts() {
    let segment = segment();
    let word = letter(&segment);
    let mut children: Vec<Child> = (0..3)
        .map(|_| {
            let child = Child::fork(|| {
                about_to_sleep(&segment);
                i32::from(futex::wait(word, 0, None).unwrap() != Waited::Woken)
            })
            .unwrap();
            until_asleep(&segment, &child);
            child
        })
        .collect();
    assert_eq!(futex::wake(word, 2), 2);
    assert_eq!(futex::wake(word, u32::MAX), 1);
    assert_eq!(futex::wake(word, u32::MAX), 0);
    for child in &mut children {
        assert_eq!(end_of(child), ExitStatus::Exited(0));
    }
}

fn a_private_wait_is_not_found_from_outside() {
    let segment = segment();
    let word = letter(&segment);
    let child = Child::fork(|| {
        about_to_sleep(&segment);
        futex::private::wait(word, 0, None).unwrap();
        0
    })
    .unwrap();
    until_asleep(&segment, &child);
    assert_eq!(futex::wake(word, u32::MAX), 0);
    assert_eq!(futex::private::wake(word, u32::MAX), 0);
}

fn a_killed_waiter_costs_one_ring() {
    let segment = segment();
    let mut child = Child::fork(|| {
        about_to_sleep(&segment);
        bell(&segment).wait(None, || false);
        0
    })
    .unwrap();
    until_asleep(&segment, &child);
    child.kill(Signal::SIGKILL).unwrap();
    end_of(&mut child);
    assert!(bell(&segment).ring(), "it is still armed");
    assert!(!bell(&segment).ring());
    // Its successor waits on the same bell.
    let mut child = Child::fork(|| {
        about_to_sleep(&segment);
        i32::from(!bell(&segment).wait(None, || letter(&segment).load(Acquire) == 1))
    })
    .unwrap();
    until_asleep(&segment, &child);
    letter(&segment).store(1, Release);
    assert!(bell(&segment).ring());
    assert_eq!(end_of(&mut child), ExitStatus::Exited(0));
}

extern "C" fn ignore(_: i32) {}

fn a_signal_does_not_end_a_wait() {
    let segment = segment();
    let mut child = Child::fork(|| {
        // Without SA_RESTART, so that the system call ends.
        let action =
            SigAction::new(SigHandler::Handler(ignore), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler does nothing.
        unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();
        let mut looks = 0;
        about_to_sleep(&segment);
        let is_ready = || {
            looks += 1;
            // The look after each signal says that there was one.
            segment.at::<AtomicU32>(512).unwrap().store(looks, Release);
            letter(&segment).load(Acquire) == 1
        };
        i32::from(!bell(&segment).wait(None, is_ready))
    })
    .unwrap();
    until_asleep(&segment, &child);
    let looks: &AtomicU32 = segment.at(512).unwrap();
    for _ in 0..3 {
        let before = looks.load(Acquire);
        child.kill(Signal::SIGUSR1).unwrap();
        assert!(spin(Duration::from_secs(60), || {
            std::thread::yield_now();
            looks.load(Acquire) > before
        }));
    }
    assert_eq!(child.try_wait().unwrap(), None);
    letter(&segment).store(1, Release);
    bell(&segment).ring();
    assert_eq!(end_of(&mut child), ExitStatus::Exited(0));
}

fn a_wait_ends_with_its_time() {
    let bell = Doorbell::new();
    for time in [Duration::ZERO, Duration::from_micros(300), Duration::from_millis(30)] {
        let begun = Instant::now();
        assert!(!bell.wait(Some(time), || false));
        assert!(begun.elapsed() >= time);
        assert!(!bell.is_armed());
    }
}

fn what_is_ready_is_not_waited_for() {
    let bell = Doorbell::default();
    let mut looks = 0;
    assert!(bell.wait(Some(Duration::ZERO), || {
        looks += 1;
        assert!(!bell.is_armed());
        true
    }));
    assert_eq!(looks, 1);
    // Ready at the second look, the one behind the arming.
    let mut was_armed = false;
    assert!(
        bell.wait(None, || std::mem::replace(&mut was_armed, bell.is_armed())
            || bell.is_armed())
    );
    assert!(!bell.is_armed());
}

fn a_ring_keeps_an_armed_waiter_awake() {
    let bell = Doorbell::new();
    bell.arm();
    assert!(bell.ring());
    bell.sleep(None);
    assert!(!bell.ring());
    // And without a ring the sleep takes its time.
    bell.arm();
    let begun = Instant::now();
    bell.sleep(Some(Duration::from_millis(20)));
    assert!(begun.elapsed() >= Duration::from_millis(20));
    assert!(bell.is_armed());
    bell.disarm();
    assert!(!bell.ring());
}

fn a_damaged_word_is_an_armed_one() {
    let segment = segment();
    let word: &AtomicU32 = segment.at(BELL).unwrap();
    word.store(0xdead_beef, Relaxed);
    // Not what a waiter sleeps on, so it looks again.
    bell(&segment).sleep(None);
    assert!(bell(&segment).is_armed());
    assert!(bell(&segment).ring());
    assert_eq!(word.load(Relaxed), 0);
    assert!(!bell(&segment).ring());
}
