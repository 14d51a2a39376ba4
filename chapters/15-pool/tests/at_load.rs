//! Pools in an ordinary test program: its `main` belongs to the harness, so the pool is entered when the program is loaded,
//! and the tests run in several threads at once, each with a pool of its own.

use procpool::{Pool, PoolError, SharedSlice, StartMethod, TaskError};

procpool::init_at_load!();

fn square(x: u64) -> u64 {
    x * x
}

fn panic_if_odd(x: u64) -> u64 {
    assert!(x.is_multiple_of(2), "{x} is odd");
    x
}

fn end_if_odd(x: u64) -> u64 {
    if !x.is_multiple_of(2) {
        std::process::abort();
    }
    x
}

fn sum(slice: SharedSlice<u32>) -> u64 {
    slice.iter().map(|x| u64::from(*x)).sum()
}

fn pool(method: StartMethod) -> Pool {
    Pool::builder().workers(2).start_method(method).build().expect("a pool")
}

fn works_over(method: StartMethod) {
    for (x, result) in (0..).zip(pool(method).map(square, 0..500)) {
        assert_eq!(result.expect("a result"), x * x);
    }
}

fn panics_stay_apart_over(method: StartMethod) {
    for (x, result) in (0..).zip(pool(method).map(panic_if_odd, 0..200)) {
        match result {
            Ok(result) => assert!(result == x && x % 2 == 0),
            Err(TaskError::Panicked { message, .. }) => {
                assert_eq!(message, format!("{x} is odd"));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn deaths_stay_apart_over(method: StartMethod) {
    let pool = pool(method);
    for (x, result) in (0..).zip(pool.map(end_if_odd, 0..10)) {
        match result {
            Ok(result) => assert!(result == x && x % 2 == 0),
            Err(TaskError::WorkerDied { .. }) => assert_eq!(x % 2, 1),
            Err(error) => panic!("{error}"),
        }
    }
    // No other test's worker, and no other test's task.
    let stats = pool.stats();
    assert_eq!((stats.died, stats.completed), (5, 5));
}

fn slices_go_over(method: StartMethod) {
    let pool = pool(method);
    for len in [0, 1, 10_000] {
        let slice = SharedSlice::from_slice(&vec![2_u32; len as usize]).expect("memory");
        assert_eq!(pool.call(sum, slice).expect("a sum"), 2 * len);
    }
}

#[test]
fn spawn_in_a_test_of_the_harness() {
    works_over(StartMethod::Spawn);
}

#[test]
fn forkserver_in_a_test_of_the_harness() {
    works_over(StartMethod::Forkserver);
}

#[test]
fn panics_of_spawn_beside_other_tests() {
    panics_stay_apart_over(StartMethod::Spawn);
}

#[test]
fn panics_of_forkserver_beside_other_tests() {
    panics_stay_apart_over(StartMethod::Forkserver);
}

#[test]
fn deaths_of_spawn_beside_other_tests() {
    deaths_stay_apart_over(StartMethod::Spawn);
}

#[test]
fn deaths_of_forkserver_beside_other_tests() {
    deaths_stay_apart_over(StartMethod::Forkserver);
}

#[test]
fn slices_beside_other_tests() {
    slices_go_over(StartMethod::Spawn);
    slices_go_over(StartMethod::Forkserver);
}

/// Whatever the other tests do, each of these threads builds its pool, uses it, and ends it.
#[test]
fn threads_of_a_test_with_a_pool_each() {
    std::thread::scope(|scope| {
        for method in [StartMethod::Spawn, StartMethod::Forkserver].repeat(3) {
            scope.spawn(move || works_over(method));
        }
    });
}

#[test]
fn fork_is_refused_among_the_threads_of_the_harness() {
    match Pool::builder().start_method(StartMethod::Fork).build() {
        Err(PoolError::ForkWithThreads { count }) => assert!(count > 1),
        other => panic!("{other:?}"),
    }
}
