//! Descriptors that the system refuses while a pool works. The task that needed them fails and says so;
//! the worker lives, the pool goes on, and when there is room again all is as before.

use crate::observe::{builder, pool, without_a_trace, worker_pids};
use crate::scarce::{self, Descriptors};
use procpool::{Pool, PoolError, SharedSlice, StartMethod, TaskError};
use std::time::Duration;

crate::over_each_start_method![
    a_build_says_how_many_descriptors_it_needs,
    no_descriptors_in_the_program,
    no_descriptors_for_a_new_worker,
    no_descriptors_in_a_worker,
    more_slices_in_a_result_than_travel,
];

/// Larger than what travels in a ring.
const LARGE: usize = 1 << 20;

pub(crate) fn echo(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

pub(crate) fn zeros(len: usize) -> Vec<u8> {
    vec![0; len]
}

pub(crate) fn sum(slice: SharedSlice<u32>) -> u32 {
    slice.iter().sum()
}

pub(crate) fn ones(len: usize) -> SharedSlice<u32> {
    SharedSlice::from_slice(&vec![1; len]).expect("shared memory")
}

pub(crate) fn pid(_: ()) -> u32 {
    std::process::id()
}

#[track_caller]
pub(crate) fn assert_encode<T: std::fmt::Debug>(result: Result<T, TaskError>, expected: &str) {
    match result {
        Err(TaskError::Encode { message, .. }) if message.contains(expected) => {}
        other => panic!("{other:?} instead of an Encode that says {expected:?}"),
    }
}

#[track_caller]
pub(crate) fn assert_decode<T: std::fmt::Debug>(result: Result<T, TaskError>, expected: &str) {
    match result {
        Err(TaskError::Decode { message, .. }) if message.contains(expected) => {}
        other => panic!("{other:?} instead of a Decode that says {expected:?}"),
    }
}

/// Everything that a pool can be asked for, in each of its workers.
pub(crate) fn all_is_well(pool: &Pool) {
    worker_pids(pool, 2);
    let slice = ones(1_000);
    for result in pool.map(echo, (0..20).map(|n| vec![n; if n % 2 == 0 { LARGE } else { 7 }])) {
        let bytes = result.expect("a result");
        assert!(bytes == vec![bytes[0]; bytes.len()]);
    }
    assert_eq!(pool.call(zeros, 3 * LARGE).expect("a result").len(), 3 * LARGE);
    assert_eq!(pool.call(sum, slice).expect("a result"), 1_000);
    assert_eq!(pool.call(ones, 2_000).expect("a result").len(), 2_000);
}

fn a_build_says_how_many_descriptors_it_needs(method: StartMethod) {
    without_a_trace(|| {
        let build = || Pool::builder().workers(12).start_method(method).build();
        let tight = Descriptors::at_most(scarce::open_descriptors() + 9);
        let needed = match build() {
            Err(error @ PoolError::Limit { .. }) => {
                let text = error.to_string();
                let PoolError::Limit { resource, soft, hard, needed } = error else { return };
                assert!(resource.contains("RLIMIT_NOFILE"), "{resource}");
                assert_eq!((soft, hard), (Some(tight.soft()), tight.hard()), "{text}");
                let needed = needed.expect("that can be counted");
                assert!(needed > tight.soft(), "{text}");
                assert!(needed < tight.soft() + 100, "{text}");
                assert!(text.contains(&format!("needed {needed}")), "{text}");
                needed
            }
            other => panic!("{other:?}"),
        };
        drop(tight);
        // So many are enough, and with far fewer there is no pool.
        let enough = Descriptors::at_most(needed);
        let pool = build().expect("what it said is enough");
        drop(enough);
        worker_pids(&pool, 12);
        drop(pool);
        let few = Descriptors::at_most(needed - 14);
        assert!(matches!(build(), Err(PoolError::Limit { .. })));
        drop(few);
    });
}

fn no_descriptors_in_the_program(method: StartMethod) {
    let pool = pool(method);
    let pids = worker_pids(&pool, 2);
    let slice = ones(1_000);
    let none = Descriptors::none_left();
    for n in 0..100 {
        assert_eq!(pool.call(echo, vec![n; 10]).expect("a result"), [n; 10]);
    }
    // What needs a new descriptor here fails, and nothing else does.
    assert_encode(pool.call(echo, vec![1; LARGE]), "Too many open files");
    assert_eq!(pool.call(sum, slice.clone()).expect("it has its descriptor"), 1_000);
    assert_decode(pool.call(ones, 10), "ulimit -n");
    assert_decode(pool.call(zeros, LARGE), "ulimit -n");
    assert_decode(pool.call(zeros, LARGE), "ulimit -n");
    let lost =
        pool.map(ones, 0..40).map(|result| assert_slice_or_lost(result.map(|it| it.len())));
    assert!(lost.filter(|is_lost| *is_lost).count() >= 39);
    match pool.scale_to(4) {
        Err(PoolError::Limit { resource, .. }) => {
            assert!(resource.contains("RLIMIT_NOFILE"), "{resource}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.call(sum, slice).expect("the pool goes on"), 1_000);
    drop(none);
    assert_eq!(worker_pids(&pool, 2), pids, "no worker was to blame");
    all_is_well(&pool);
    pool.scale_to(4).expect("there is room again");
    worker_pids(&pool, 4);
    let stats = pool.stats();
    assert_eq!((stats.died, stats.restarts), (0, 0));
}

/// A slice without elements needs no descriptor.
fn assert_slice_or_lost(result: Result<usize, TaskError>) -> bool {
    match result {
        Ok(len) => assert_eq!(len, 0),
        lost => assert_decode(lost, "ulimit -n"),
    }
    true
}

fn no_descriptors_for_a_new_worker(method: StartMethod) {
    let pool = builder(method).build().expect("a pool");
    let pids: Vec<u32> = worker_pids(&pool, 2).into_iter().collect();
    let none = Descriptors::none_ever();
    crate::observe::kill_9(pids[0]);
    // The other one does all the work.
    let results = pool.map(pid, std::iter::repeat_n((), 500));
    assert!(results.map(|result| result.expect("a result")).all(|pid| pid == pids[1]));
    crate::observe::kill_9(pids[1]);
    // Nobody is left who could run them: they wait, while there are more tries to start a worker than a pool has restarts.
    let handles: Vec<_> = (0..50).map(|_| pool.submit(pid, ())).collect();
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(handles.iter().all(|handle| !handle.is_finished()));
    drop(none);
    for handle in handles {
        let pid = handle.join().expect("it has waited for a worker");
        assert!(!pids.contains(&pid));
    }
    all_is_well(&pool);
    assert_eq!(pool.stats().died, 0);
}

/// What a task takes from its worker, until another one gives it back.
static TAKEN: std::sync::Mutex<Option<Descriptors>> = std::sync::Mutex::new(None);

fn take_descriptors(take: bool) {
    *TAKEN.lock().expect("no panic") = take.then(Descriptors::none_left);
}

fn no_descriptors_in_a_worker(method: StartMethod) {
    let pool = Pool::builder().workers(1).start_method(method).build().expect("a pool");
    let own = pool.call(pid, ()).expect("a result");
    let slice = ones(1_000);
    pool.call(take_descriptors, true).expect("it takes them");
    assert_decode(pool.call(sum, slice.clone()), "ulimit -n");
    assert_decode(pool.call(echo, vec![1; LARGE]), "ulimit -n");
    assert_decode(pool.call(echo, vec![1; LARGE]), "ulimit -n");
    assert_encode(pool.call(zeros, LARGE), "Too many open files");
    for result in pool.map(sum, std::iter::repeat_n(slice.clone(), 30)) {
        assert_decode(result, "ulimit -n");
    }
    assert_eq!(pool.call(echo, vec![1; 10]).expect("a result"), [1; 10]);
    pool.call(take_descriptors, false).expect("it gives them back");
    assert_eq!(pool.call(echo, vec![1; LARGE]).expect("a result"), vec![1; LARGE]);
    assert_eq!(pool.call(sum, slice).expect("a result"), 1_000);
    assert_eq!(pool.call(ones, 10).expect("a result").len(), 10);
    assert_eq!(pool.call(pid, ()).expect("a result"), own, "it was not its fault");
}

fn many_slices(count: usize) -> Vec<SharedSlice<u32>> {
    (0..count).map(|_| ones(3)).collect()
}

fn more_slices_in_a_result_than_travel(method: StartMethod) {
    let pool = Pool::builder().workers(1).start_method(method).build().expect("a pool");
    let own = pool.call(pid, ()).expect("a result");
    assert_encode(pool.call(many_slices, 254), "253 travel at once");
    assert_eq!(pool.call(many_slices, 253).expect("a result").len(), 253);
    assert_encode(pool.call(many_slices, 700), "253 travel at once");
    // Clones of one slice are one.
    fn clones(count: usize) -> Vec<SharedSlice<u32>> {
        vec![ones(3); count]
    }
    assert_eq!(pool.call(clones, 1_000).expect("a result").len(), 1_000);
    assert_eq!(pool.call(pid, ()).expect("a result"), own);
}
