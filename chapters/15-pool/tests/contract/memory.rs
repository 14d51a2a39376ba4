//! Memory that the system refuses, by each of the limits that count it: addresses (RLIMIT_AS), what one process alone may
//! write to (RLIMIT_DATA), the length of files, those in memory too (RLIMIT_FSIZE).

use crate::exhausted::{
    all_is_well, assert_decode, assert_encode, echo, ones, pid, sum, zeros,
};
use crate::observe::{pool, until, without_a_trace, worker_pids};
use crate::scarce::{self, Memory};
use procpool::{Pool, PoolError, SharedSlice, StartMethod, TaskError};
use std::fmt::Debug;

crate::over_each_start_method![
    a_build_without_addresses_is_told,
    a_build_without_data_is_told,
    a_build_with_short_files_is_told,
    no_addresses_in_a_worker,
    no_data_in_a_worker,
    short_files_in_a_worker,
    no_addresses_in_the_program,
    no_data_in_the_program,
    short_files_in_the_program,
];

#[track_caller]
fn assert_limit<T: Debug>(result: Result<T, PoolError>, expected: &str) {
    match result {
        Err(PoolError::Limit { resource, soft: Some(_), .. })
            if resource.contains(expected) => {}
        other => panic!("{other:?} instead of a Limit that names {expected}"),
    }
}

/// Builds a pool of a hundred workers with each of the limits, in vain.
fn no_build_with(method: StartMethod, limits: &[fn() -> Memory], expected: &str) {
    scarce::grow_the_heap();
    without_a_trace(|| {
        for limit in limits {
            let tight = limit();
            let built = Pool::builder().workers(100).start_method(method).build();
            drop(tight);
            assert_limit(built, expected);
        }
    });
    all_is_well(&pool(method));
}

fn a_build_without_addresses_is_told(method: StartMethod) {
    // Too few for the first segment, for a thread's stack, for all the lanes.
    let limits: [fn() -> Memory; 3] =
        [|| Memory::addresses(0), || Memory::addresses(1 << 20), || Memory::addresses(6 << 20)];
    no_build_with(method, &limits, "RLIMIT_AS");
}

fn a_build_without_data_is_told(method: StartMethod) {
    // Too little for a thread's stack.
    no_build_with(method, &[|| Memory::data(1 << 20)], "RLIMIT_DATA");
}

fn a_build_with_short_files_is_told(method: StartMethod) {
    // Too short for anything, and for a lane.
    no_build_with(method, &[|| Memory::files(0), || Memory::files(4 << 10)], "RLIMIT_FSIZE");
}

static KEPT: std::sync::Mutex<Option<Memory>> = std::sync::Mutex::new(None);

/// What a task takes from its worker, until another one gives it back.
fn keep(memory: Option<Memory>) {
    *KEPT.lock().expect("no panic") = memory;
}

fn take_addresses(take: bool) {
    keep(take.then(|| Memory::addresses(8 << 20)));
}

fn take_data(take: bool) {
    keep(take.then(|| Memory::data(8 << 20)));
}

fn take_long_files(take: bool) {
    keep(take.then(|| Memory::files(8 << 20)));
}

/// More than the limit leaves.
const HUGE: usize = 32 << 20;

/// A result that the worker has in memory already when its addresses are short.
static READY: std::sync::Mutex<Vec<u8>> = std::sync::Mutex::new(Vec::new());

fn make_ready(len: usize) {
    *READY.lock().expect("no panic") = vec![5; len];
}

fn hand_out(_: ()) -> Vec<u8> {
    std::mem::take(&mut *READY.lock().expect("no panic"))
}

fn no_addresses_in_a_worker(method: StartMethod) {
    let pool = Pool::builder().workers(1).start_method(method).build().expect("a pool");
    let own = pool.call(pid, ()).expect("a result");
    pool.call(make_ready, HUGE).expect("a worker with 32 MiB");
    pool.call(take_addresses, true).expect("it takes them");
    assert_encode(pool.call(hand_out, ()), "memory");
    assert_decode(pool.call(echo, vec![1; HUGE]), "memory");
    assert_eq!(pool.call(echo, vec![1; 10]).expect("a result"), [1; 10]);
    pool.call(take_addresses, false).expect("it gives them back");
    assert!(pool.call(echo, vec![1; HUGE]).expect("a result") == vec![1; HUGE]);
    pool.call(make_ready, HUGE).expect("a worker with 32 MiB");
    assert_eq!(pool.call(hand_out, ()).expect("a result").len(), HUGE);
    assert_eq!(pool.call(pid, ()).expect("a result"), own, "it was not its fault");
}

fn no_data_in_a_worker(method: StartMethod) {
    let pool = Pool::builder().workers(1).start_method(method).build().expect("a pool");
    let own = pool.call(pid, ()).expect("a result");
    pool.call(make_ready, HUGE).expect("a worker with 32 MiB");
    pool.call(take_data, true).expect("it takes it");
    // Shared memory is not counted.
    assert_eq!(pool.call(hand_out, ()).expect("a result").len(), HUGE);
    assert!(pool.call(echo, vec![1; 1 << 20]).expect("a result") == vec![1; 1 << 20]);
    assert_eq!(pool.call(sum, ones(HUGE / 4)).expect("a result"), 8 << 20);
    assert_eq!(pool.call(pid, ()).expect("a result"), own);
    // A task that finds no memory for itself ends its worker, as it would any program.
    match pool.call(make_ready, 3 * HUGE) {
        Err(TaskError::WorkerDied { pid, status, .. }) => {
            assert_eq!((pid, status.signal()), (own, Some(libc::SIGABRT)));
        }
        other => panic!("{other:?}"),
    }
    assert_ne!(pool.call(pid, ()).expect("the next worker"), own);
    pool.call(make_ready, 3 * HUGE).expect("it has no such limit");
}

fn short_files_in_a_worker(method: StartMethod) {
    let pool = Pool::builder().workers(1).start_method(method).build().expect("a pool");
    let own = pool.call(pid, ()).expect("a result");
    pool.call(take_long_files, true).expect("it takes them");
    assert_encode(pool.call(zeros, HUGE), "ulimit -f");
    assert_encode(pool.call(echo, vec![1; HUGE]), "ulimit -f");
    // The task itself is refused, and says so.
    match pool.call(ones, HUGE / 4) {
        Err(TaskError::Panicked { message, .. }) => {
            assert!(message.contains("shared memory"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.call(zeros, 1 << 20).expect("a result").len(), 1 << 20);
    assert_eq!(pool.call(sum, ones(HUGE / 4)).expect("a result"), 8 << 20);
    pool.call(take_long_files, false).expect("it gives them back");
    assert!(pool.call(echo, vec![1; HUGE]).expect("a result") == vec![1; HUGE]);
    assert_eq!(pool.call(pid, ()).expect("a result"), own, "it was not its fault");
}

fn no_addresses_in_the_program(method: StartMethod) {
    scarce::grow_the_heap();
    let pool = pool(method);
    let pids = worker_pids(&pool, 2);
    let few = Memory::addresses(8 << 20);
    for n in 0..100 {
        assert_eq!(pool.call(echo, vec![n; 10]).expect("a result"), [n; 10]);
    }
    assert_decode(pool.call(zeros, HUGE), "no room for");
    assert_limit(pool.scale_to(100), "RLIMIT_AS");
    drop(few);
    assert_eq!(pool.call(zeros, HUGE).expect("a result").len(), HUGE);
    all_is_well(&pool);
    pool.scale_to(6).expect("there is room again");
    worker_pids(&pool, 6);
    pool.scale_to(2).expect("fewer");
    until("two workers are left", || pool.stats().workers.len() == 2);
    assert!(pids.len() == 2 && pool.stats().died == 0);
}

fn length(bytes: Vec<u8>) -> usize {
    bytes.len()
}

fn no_data_in_the_program(method: StartMethod) {
    scarce::grow_the_heap();
    let pool = pool(method);
    let pids = worker_pids(&pool, 2);
    let huge = vec![3; HUGE];
    let few = Memory::data(8 << 20);
    // Shared memory is not counted, and a worker has a memory of its own.
    assert_eq!(pool.call(length, huge).expect("a result"), HUGE);
    pool.scale_to(6).expect("four more");
    assert!(worker_pids(&pool, 6).is_superset(&pids));
    all_is_well(&pool);
    assert!(Vec::<u8>::new().try_reserve(2 * HUGE).is_err(), "the limit stands");
    drop(few);
    assert_eq!(vec![1_u8; 2 * HUGE].len(), 2 * HUGE);
    all_is_well(&pool);
    assert_eq!(pool.stats().died, 0);
}

fn short_files_in_the_program(method: StartMethod) {
    let pool = pool(method);
    let pids = worker_pids(&pool, 2);
    let short = Memory::files(8 << 20);
    for n in 0..100 {
        assert_eq!(pool.call(echo, vec![n; 10]).expect("a result"), [n; 10]);
    }
    assert_encode(pool.call(echo, vec![1; HUGE]), "ulimit -f");
    assert!(SharedSlice::from_slice(&vec![1_u8; HUGE]).is_err());
    // What a worker makes is the worker's.
    assert_eq!(pool.call(zeros, HUGE).expect("a result").len(), HUGE);
    drop(short);
    let none = Memory::files(0);
    assert_limit(pool.scale_to(4), "RLIMIT_FSIZE");
    assert_eq!(pool.call(echo, vec![1; 10]).expect("a result"), [1; 10]);
    drop(none);
    assert_eq!(worker_pids(&pool, 2), pids, "no worker was to blame");
    all_is_well(&pool);
    pool.scale_to(4).expect("there is room again");
    worker_pids(&pool, 4);
    let stats = pool.stats();
    assert_eq!((stats.died, stats.restarts), (0, 0));
}
