//! Pools in an ordinary test program: its `main` belongs to the harness, so the pool is entered when the program is loaded.

use procpool::{Pool, PoolError, StartMethod};

procpool::init_at_load!();

fn square(x: u64) -> u64 {
    x * x
}

fn works_over(method: StartMethod) {
    let pool = Pool::builder().workers(2).start_method(method).build().expect("a pool");
    for (x, result) in (0..).zip(pool.map(square, 0..500)) {
        assert_eq!(result.expect("a result"), x * x);
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
fn fork_is_refused_among_the_threads_of_the_harness() {
    match Pool::builder().start_method(StartMethod::Fork).build() {
        Err(PoolError::ForkWithThreads { count }) => assert!(count > 1),
        other => panic!("{other:?}"),
    }
}
