//! Pools side by side: of each start method, in several threads, and one that hands on what another has made.

use crate::observe::{builder, is_alive, kill_9, pool, without_a_trace, worker_pids};
use procpool::{PoolError, SharedSlice, StartMethod};
use std::collections::BTreeSet;
use std::thread;

crate::over_each_start_method![
    every_method_side_by_side,
    pools_of_several_threads,
    a_task_hands_on_what_another_pool_has_made,
];

fn triple(x: u64) -> u64 {
    x * 3
}

fn every_method_side_by_side(method: StartMethod) {
    without_a_trace(|| {
        // The pool by fork comes first: the others have threads.
        let mut pools = vec![pool(StartMethod::Fork)];
        let other = if method == StartMethod::Fork { StartMethod::Spawn } else { method };
        pools.extend([other, StartMethod::Spawn, StartMethod::Forkserver].map(pool));
        let pids: BTreeSet<u32> = pools.iter().flat_map(|pool| worker_pids(pool, 2)).collect();
        assert_eq!(pids.len(), 2 * pools.len(), "no worker works for two");
        // One that ends or loses a worker does nothing to the others.
        let gone = pools.swap_remove(1);
        kill_9(*worker_pids(&gone, 2).first().expect("two"));
        let maps: Vec<_> = pools.iter().map(|pool| pool.map(triple, 0..2_000)).collect();
        drop(gone);
        for mut results in maps {
            for x in 0..2_000 {
                let result = results.next().expect("one for each input");
                assert_eq!(result.expect("a result"), x * 3);
            }
        }
    });
}

fn pools_of_several_threads(method: StartMethod) {
    if method == StartMethod::Fork {
        // A thread that builds is a second one.
        let built = thread::spawn(|| builder(StartMethod::Fork).build().map(drop)).join();
        let refused = built.expect("no panic").expect_err("two threads");
        assert!(matches!(refused, PoolError::ForkWithThreads { count: 2 }), "{refused}");
        return;
    }
    without_a_trace(|| {
        thread::scope(|scope| {
            for number in 0..4_u64 {
                scope.spawn(move || {
                    for round in 0..3 {
                        let pool = pool(method);
                        let inputs = number..number + 500;
                        for (x, result) in inputs.clone().zip(pool.map(triple, inputs)) {
                            assert_eq!(result.expect("a result"), x * 3);
                        }
                        let pids = worker_pids(&pool, 2);
                        if round == 1 {
                            kill_9(*pids.first().expect("two"));
                        }
                        assert_eq!(pool.call(triple, number).expect("a result"), number * 3);
                        drop(pool);
                        assert!(pids.iter().all(|pid| !is_alive(*pid)));
                    }
                });
            }
        });
    });
}

fn squares(len: u64) -> SharedSlice<u64> {
    let squares: Vec<u64> = (0..len).map(|n| n * n).collect();
    SharedSlice::from_slice(&squares).expect("shared memory")
}

fn sum(slice: SharedSlice<u64>) -> u64 {
    slice.iter().sum()
}

fn a_task_hands_on_what_another_pool_has_made(method: StartMethod) {
    without_a_trace(|| {
        let (makers, summers) = match method {
            StartMethod::Fork => (pool(method), pool(StartMethod::Spawn)),
            _ => (pool(method), pool(method)),
        };
        let made = makers.map(squares, 1..40).map(|result| result.expect("a slice"));
        for (len, result) in (1_u64..40).zip(summers.map(sum, made)) {
            assert_eq!(result.expect("a sum"), (0..len).map(|n| n * n).sum::<u64>());
        }
    });
}
