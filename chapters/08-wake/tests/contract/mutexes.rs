//! The robust mutex.

use crate::{about_to_sleep, end_of, segment, until_asleep};
use contract::Case;
use shared::Segment;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use wait::{Child, ExitStatus, Signal};
use wake::{LockError, RobustMutex, RobustMutexError};

pub(crate) const CASES: &[Case] = &[
    ("one_process_at_a_time", one_process_at_a_time),
    ("a_waiter_is_woken_by_the_unlock", a_waiter_is_woken_by_the_unlock),
    ("a_waiter_is_woken_by_the_owners_death", a_waiter_is_woken_by_the_owners_death),
    ("a_thread_that_ends_is_a_dead_owner", a_thread_that_ends_is_a_dead_owner),
    ("given_up_is_given_up_for_everybody", given_up_is_given_up_for_everybody),
    ("a_second_lock_in_one_thread_is_refused", a_second_lock_in_one_thread_is_refused),
    ("a_copy_of_a_guard_in_a_child_holds_nothing", a_copy_of_a_guard_holds_nothing),
    ("a_leaked_guard_keeps_its_memory", a_leaked_guard_keeps_its_memory),
    ("a_mutex_lies_inside_its_segment", a_mutex_lies_inside_its_segment),
    ("errors_say_what_to_do", errors_say_what_to_do),
];

const COUNTER: usize = 256;

fn mutex_in(segment: &Arc<Segment>) -> RobustMutex {
    // SAFETY: each case has a segment of its own, with nothing else in the first 256 bytes.
    unsafe { RobustMutex::create(Arc::clone(segment), 0) }.unwrap()
}

fn one_process_at_a_time() {
    const ADDITIONS: u64 = 20_000;
    let segment = segment();
    let mutex = mutex_in(&segment);
    let counter: &AtomicU64 = segment.at(COUNTER).unwrap();
    let add = || {
        let descriptor = segment.descriptor().unwrap().try_clone_to_owned().unwrap();
        let own = Arc::new(Segment::from_descriptor(descriptor).unwrap());
        // SAFETY: `mutex` was made there, and is the only thing there.
        let own = unsafe { RobustMutex::open(own, 0) }.unwrap();
        for _ in 0..ADDITIONS {
            let _guard = own.lock().unwrap();
            counter.store(counter.load(Relaxed) + 1, Relaxed);
        }
        0
    };
    let mut children = [(); 3].map(|()| Child::fork(add).unwrap());
    for child in &mut children {
        assert_eq!(end_of(child), ExitStatus::Exited(0));
    }
    let _guard = mutex.lock().unwrap();
    assert_eq!(counter.load(Relaxed), 3 * ADDITIONS);
}

fn a_waiter_is_woken_by_the_unlock() {
    let segment = segment();
    let mutex = mutex_in(&segment);
    let guard = mutex.lock().unwrap();
    let mut child = Child::fork(|| {
        assert!(mutex.try_lock().unwrap().is_none(), "the parent has it");
        about_to_sleep(&segment);
        drop(mutex.lock().unwrap());
        0
    })
    .unwrap();
    until_asleep(&segment, &child);
    drop(guard);
    assert_eq!(end_of(&mut child), ExitStatus::Exited(0));
    assert!(mutex.try_lock().unwrap().is_some());
}

/// A process that has the lock and does nothing with it.
fn owner(segment: &Segment, mutex: &RobustMutex) -> Child {
    let owner = Child::fork(|| {
        let _guard = mutex.lock().unwrap();
        about_to_sleep(segment);
        loop {
            nix::unistd::pause();
        }
    })
    .unwrap();
    until_asleep(segment, &owner);
    assert!(mutex.try_lock().unwrap().is_none());
    owner
}

fn a_waiter_is_woken_by_the_owners_death() {
    let segment = segment();
    let mutex = mutex_in(&segment);
    let owner = owner(&segment, &mutex);
    let mut waiter = Child::fork(|| {
        about_to_sleep(&segment);
        let Err(LockError::OwnerDied(died)) = mutex.lock() else { return 1 };
        drop(died.repaired());
        0
    })
    .unwrap();
    until_asleep(&segment, &waiter);
    owner.kill(Signal::SIGKILL).unwrap();
    assert_eq!(end_of(&mut waiter), ExitStatus::Exited(0));
    // Repaired for everybody.
    drop(mutex.lock().unwrap());
    drop(owner);
}

fn a_thread_that_ends_is_a_dead_owner() {
    // The forgotten guard keeps the mapping; a descriptor would count as left behind.
    let segment = Arc::new(Segment::create("thread", 4096).unwrap().into_mapping());
    let mutex = mutex_in(&segment);
    std::thread::scope(|scope| {
        scope.spawn(|| std::mem::forget(mutex.lock().unwrap())).join().unwrap();
    });
    let Err(LockError::OwnerDied(died)) = mutex.lock() else { panic!("nobody died") };
    let guard = died.repaired();
    assert!(std::thread::scope(|scope| {
        scope.spawn(|| mutex.try_lock().unwrap().is_none()).join().unwrap()
    }));
    drop(guard);
}

fn given_up_is_given_up_for_everybody() {
    let segment = segment();
    let mutex = mutex_in(&segment);
    drop(owner(&segment, &mutex));
    let died = match mutex.try_lock() {
        Err(LockError::OwnerDied(died)) => died,
        other => panic!("nobody died: {other:?}"),
    };
    drop(died);
    assert!(matches!(mutex.lock(), Err(LockError::NotRecoverable)));
    let mut child =
        Child::fork(|| i32::from(!matches!(mutex.try_lock(), Err(LockError::NotRecoverable))))
            .unwrap();
    assert_eq!(end_of(&mut child), ExitStatus::Exited(0));
}

fn a_second_lock_in_one_thread_is_refused() {
    let segment = segment();
    let mutex = mutex_in(&segment);
    let guard = mutex.lock().unwrap();
    assert!(matches!(mutex.lock(), Err(LockError::HeldByThisThread)));
    drop(guard);
    drop(mutex.lock().unwrap());
}

fn a_copy_of_a_guard_holds_nothing() {
    let segment = segment();
    let mutex = mutex_in(&segment);
    let mut guard = Some(mutex.lock().unwrap());
    let mut child = Child::fork(|| {
        drop(guard.take());
        i32::from(mutex.try_lock().unwrap().is_some())
    })
    .unwrap();
    assert_eq!(end_of(&mut child), ExitStatus::Exited(0));
    assert!(matches!(mutex.lock(), Err(LockError::HeldByThisThread)));
    drop(guard);
    drop(mutex.lock().unwrap());
}

fn a_leaked_guard_keeps_its_memory() {
    let leaked = Arc::new(Segment::create("leaked", 4096).unwrap().into_mapping());
    let count = Arc::downgrade(&leaked);
    let mutex = mutex_in(&leaked);
    std::mem::forget(mutex.lock().unwrap());
    drop((mutex, leaked));
    assert!(count.upgrade().is_some());
    // The C library's list of held locks goes through the leaked one.
    let segment = segment();
    let mutex = mutex_in(&segment);
    drop(mutex.lock().unwrap());
}

fn a_mutex_lies_inside_its_segment() {
    let segment = segment();
    for offset in [4096 - RobustMutex::LEN_BYTES + 8, 4096, usize::MAX - 7, 4, 8 + 1] {
        // SAFETY: nothing else is in this segment.
        let made = unsafe { RobustMutex::create(Arc::clone(&segment), offset) };
        assert!(matches!(made, Err(RobustMutexError::Misplaced { len_bytes: 4096, .. })));
        // SAFETY: no mutex is there, and none is used: the place is refused.
        let opened = unsafe { RobustMutex::open(Arc::clone(&segment), offset) };
        assert!(matches!(opened, Err(RobustMutexError::Misplaced { .. })));
    }
    let last = 4096 - RobustMutex::LEN_BYTES;
    // SAFETY: nothing else is in this segment.
    let mutex = unsafe { RobustMutex::create(Arc::clone(&segment), last) }.unwrap();
    drop(mutex.lock().unwrap());
}

fn errors_say_what_to_do() {
    let segment = segment();
    let mutex = mutex_in(&segment);
    drop(owner(&segment, &mutex));
    let said = |error: &dyn Error| (error.to_string(), error.source().map(ToString::to_string));
    let died = mutex.lock().unwrap_err();
    assert_eq!(
        said(&died),
        (
            "the owner of the robust mutex died: the lock is yours, repair its data first"
                .into(),
            None
        )
    );
    drop(died);
    assert_eq!(
        said(&mutex.lock().unwrap_err()),
        (
            "the data of the robust mutex was given up: make a new mutex and new data".into(),
            None
        )
    );
    assert_eq!(
        said(&LockError::HeldByThisThread),
        ("this thread holds the robust mutex already: drop that guard first".into(), None)
    );
    let os = || std::io::Error::from_raw_os_error(libc::EAGAIN);
    assert_eq!(
        said(&LockError::Os(os())),
        ("the robust mutex cannot be locked".into(), Some(os().to_string()))
    );
    assert_eq!(
        said(&RobustMutexError::Os(os())),
        (
            "the C library has no mutex that is robust and process-shared".into(),
            Some(os().to_string())
        )
    );
    let misplaced = RobustMutexError::Misplaced { offset_bytes: 4, len_bytes: 4096 };
    let room = RobustMutex::LEN_BYTES;
    assert_eq!(
        said(&misplaced).0,
        format!(
            "no robust mutex at byte 4 of a segment of 4096: take a multiple of {} with room for {room} bytes",
            align_of::<libc::pthread_mutex_t>()
        )
    );
}
