//! The doorbell under the model checker loom, which runs every interleaving of a small program, with the values that
//! a load may return under the memory model. Its documentation says which of them it leaves out.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p wake --test loom --release`; without the `cfg` there is nothing here.
//!
//! A wake-up that is lost leaves all threads asleep for ever, which loom reports as a deadlock. The tests that expect
//! one show that it would be found.
#![cfg(loom)]

use loom::model::Builder;
use loom::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use loom::sync::atomic::{AtomicU32, fence};
use loom::thread::{self, JoinHandle};
use std::sync::Arc;
use wake::Doorbell;
use wake::futex::{self, Word};

/// Two ringers and a waiter have too many interleavings to run all: those where a thread is interrupted at most so often
/// in the middle of its work. Known errors of concurrency need two or fewer.
const PREEMPTIONS_MAX: usize = 3;

/// As `loom::model`, for three threads.
fn model_of_three(program: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS_MAX);
    builder.check(program);
}

/// A bell, and how many letters were published.
struct Shared {
    bell: Doorbell,
    letters: AtomicU32,
}

impl Shared {
    fn new() -> Arc<Shared> {
        Arc::new(Shared { bell: Doorbell::new(), letters: AtomicU32::new(0) })
    }

    /// A thread that publishes one letter and rings.
    fn ringer(self: &Arc<Shared>) -> JoinHandle<bool> {
        let shared = Arc::clone(self);
        thread::spawn(move || {
            shared.letters.fetch_add(1, Release);
            shared.bell.ring()
        })
    }
}

#[test]
fn one_ringer_loses_no_wake_up() {
    loom::model(|| {
        let shared = Shared::new();
        let ringer = shared.ringer();
        assert!(shared.bell.wait(None, || shared.letters.load(Acquire) == 1));
        ringer.join().unwrap();
    });
}

#[test]
fn two_ringers_lose_no_wake_up() {
    model_of_three(|| {
        let shared = Shared::new();
        let ringers = [shared.ringer(), shared.ringer()];
        assert!(shared.bell.wait(None, || shared.letters.load(Acquire) == 2));
        for ringer in ringers {
            ringer.join().unwrap();
        }
    });
}

#[test]
fn one_ringer_that_rings_twice_loses_no_wake_up() {
    loom::model(|| {
        let shared = Shared::new();
        let ringer = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                for letters in 1..=2 {
                    shared.letters.store(letters, Release);
                    shared.bell.ring();
                }
            })
        };
        assert!(shared.bell.wait(None, || shared.letters.load(Acquire) >= 1));
        assert!(shared.bell.wait(None, || shared.letters.load(Acquire) == 2));
        ringer.join().unwrap();
    });
}

/// The steps by hand, for two conditions behind one bell.
#[test]
fn a_loop_of_ones_own_loses_no_wake_up() {
    model_of_three(|| {
        let shared = Shared::new();
        let ringers = [shared.ringer(), shared.ringer()];
        let mut seen = 0;
        while seen < 2 {
            shared.bell.arm();
            let letters = shared.letters.load(Acquire);
            if letters > seen {
                shared.bell.disarm();
                seen = letters;
            } else {
                shared.bell.sleep(None);
            }
        }
        for ringer in ringers {
            ringer.join().unwrap();
        }
    });
}

/// What was written before the ring is there after the wait: loom's cell finds a race if it is not.
#[test]
fn what_was_published_is_seen_whole() {
    loom::model(|| {
        let shared = Arc::new((Shared::new(), loom::cell::UnsafeCell::new(0)));
        let ringer = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                // SAFETY: the waiter looks only after the letter was published.
                shared.1.with_mut(|content| unsafe { *content = 7 });
                shared.0.letters.store(1, Release);
                shared.0.bell.ring();
            })
        };
        shared.0.bell.wait(None, || shared.0.letters.load(Acquire) == 1);
        // SAFETY: the writer wrote before it published.
        assert_eq!(shared.1.with(|content| unsafe { *content }), 7);
        ringer.join().unwrap();
    });
}

/// Look, then arm and sleep, as one would write it first: a ring between the look and the arming finds no one to wake.
#[test]
#[should_panic(expected = "deadlock")]
fn without_a_second_look_a_wake_up_is_lost() {
    loom::model(|| {
        let shared = Shared::new();
        let ringer = shared.ringer();
        while shared.letters.load(Acquire) != 1 {
            shared.bell.arm();
            shared.bell.sleep(None);
        }
        ringer.join().unwrap();
    });
}

/// The doorbell with each of its fences on or off.
fn with_fences(of_waiter: bool, of_ringer: bool) {
    loom::model(move || {
        let shared = Arc::new((Word::new(0), AtomicU32::new(0)));
        let ringer = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (word, letters) = &*shared;
                letters.store(1, Release);
                if of_ringer {
                    fence(SeqCst);
                }
                if word.load(Relaxed) != 0 && word.swap(0, AcqRel) != 0 {
                    futex::wake(word, 1);
                }
            })
        };
        let (word, letters) = &*shared;
        loop {
            word.swap(1, AcqRel);
            if of_waiter {
                fence(SeqCst);
            }
            if letters.load(Acquire) == 1 {
                break;
            }
            futex::wait(word, 1, None).unwrap();
        }
        ringer.join().unwrap();
    });
}

#[test]
fn both_fences_are_enough() {
    with_fences(true, true);
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_the_waiters_fence_a_wake_up_is_lost() {
    with_fences(false, true);
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_the_ringers_fence_a_wake_up_is_lost() {
    with_fences(true, false);
}

/// A wake-up is not remembered: a flag of its own, beside the word that is slept on, does not help.
#[test]
#[should_panic(expected = "deadlock")]
fn a_sleep_that_does_not_compare_the_flag_loses_a_wake_up() {
    loom::model(|| {
        let shared = Arc::new((Word::new(0), AtomicU32::new(0), AtomicU32::new(0)));
        let ringer = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (word, armed, letters) = &*shared;
                letters.store(1, SeqCst);
                fence(SeqCst);
                if armed.swap(0, SeqCst) == 1 {
                    futex::wake(word, 1);
                }
            })
        };
        let (word, armed, letters) = &*shared;
        armed.store(1, SeqCst);
        fence(SeqCst);
        if letters.load(SeqCst) == 0 {
            futex::wait(word, 0, None).unwrap();
        }
        ringer.join().unwrap();
    });
}
