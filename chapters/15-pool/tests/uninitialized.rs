//! A program that never calls `procpool::init`: what a pool says there.
//!
//! `contract` looks whether a process was started all the same: none may be left.

use procpool::{Pool, PoolError, StartMethod};
use std::process::ExitCode;

fn add((a, b): (u32, u32)) -> u32 {
    a + b
}

fn is_refused(method: StartMethod) {
    match Pool::builder().workers(2).start_method(method).build() {
        Err(error @ PoolError::NotInitialized) => {
            assert!(error.to_string().contains("procpool::init()"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

/// A forked worker needs no `init`: it is this program already.
fn fork_needs_no_init() {
    let pool = Pool::builder().workers(2).start_method(StartMethod::Fork).build();
    let pool = pool.expect("a pool by fork");
    for (n, result) in (0..).zip(pool.map(add, (0..1_000).map(|n| (n, 1)))) {
        assert_eq!(result.expect("a result"), n + 1);
    }
}

/// How a pool in a worker comes to be there, by each method.
fn build_another(method: u8) -> Result<u32, String> {
    let method =
        [StartMethod::Fork, StartMethod::Spawn, StartMethod::Forkserver][usize::from(method)];
    let pool = Pool::builder().workers(1).start_method(method).build();
    let pool = pool.map_err(|error| error.to_string())?;
    pool.call(add, (1, 1)).map_err(|error| error.to_string())
}

/// Only a fork works in the worker of such a program too, and the others say what is missing.
fn a_worker_is_refused_the_same() {
    let pool = Pool::builder().workers(1).start_method(StartMethod::Fork).build();
    let pool = pool.expect("a pool by fork");
    assert_eq!(pool.call(build_another, 0).expect("a result"), Ok(2));
    for method in [1, 2] {
        let refused = pool.call(build_another, method).expect("a result").expect_err("no init");
        assert!(refused.contains("procpool::init()"), "{refused}");
    }
}

fn main() -> ExitCode {
    contract::run(CASES)
}

const CASES: &[contract::Case] = &[
    ("spawn_is_refused", || is_refused(StartMethod::Spawn)),
    ("forkserver_is_refused", || is_refused(StartMethod::Forkserver)),
    ("fork_needs_no_init", fork_needs_no_init),
    ("a_worker_is_refused_the_same", a_worker_is_refused_the_same),
];
