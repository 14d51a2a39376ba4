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

fn main() -> ExitCode {
    contract::run(CASES)
}

const CASES: &[contract::Case] = &[
    ("spawn_is_refused", || is_refused(StartMethod::Spawn)),
    ("forkserver_is_refused", || is_refused(StartMethod::Forkserver)),
    ("fork_needs_no_init", fork_needs_no_init),
];
