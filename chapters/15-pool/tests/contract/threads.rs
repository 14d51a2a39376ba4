//! A pool among threads, and a pool within a worker.

use crate::gate::{self, Gate};
use crate::observe::{pool, without_a_trace};
use procpool::{Pool, StartMethod};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

crate::over_each_start_method![
    many_threads_submit_and_join,
    handles_are_joined_by_other_threads,
    maps_from_many_threads,
    a_thread_that_waits_serves_the_others,
    the_last_owner_is_another_thread,
    a_pool_within_a_worker,
    a_task_may_start_threads,
    built_by_a_thread_that_ends,
];

fn triple(x: u64) -> u64 {
    x * 3
}

fn many_threads_submit_and_join(method: StartMethod) {
    let pool = pool(method);
    thread::scope(|scope| {
        for thread in 0..8_u64 {
            let pool = &pool;
            scope.spawn(move || {
                for x in 0..400 {
                    let x = thread * 1_000 + x;
                    assert_eq!(pool.call(triple, x).expect("a result"), x * 3);
                }
                let handles: Vec<_> =
                    (0..2_000).map(|x| pool.submit(triple, thread + x)).collect();
                for (x, handle) in (0..).zip(handles) {
                    assert_eq!(handle.join().expect("a result"), (thread + x) * 3);
                }
            });
        }
    });
}

fn handles_are_joined_by_other_threads(method: StartMethod) {
    let pool = pool(method);
    let (sender, receiver) = mpsc::channel();
    let receiver = std::sync::Mutex::new(receiver);
    let joined = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let next = receiver.lock().expect("no panic").recv();
                    let Ok((x, handle)): Result<(u64, procpool::JoinHandle<u64>), _> = next
                    else {
                        break;
                    };
                    assert_eq!(handle.join().expect("a result"), x * 3);
                    joined.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for x in 0..10_000 {
            sender.send((x, pool.submit(triple, x))).expect("somebody receives");
        }
        drop(sender);
    });
    assert_eq!(joined.into_inner(), 10_000);
}

fn maps_from_many_threads(method: StartMethod) {
    let pool = pool(method);
    thread::scope(|scope| {
        for thread in 0..6_u64 {
            let pool = &pool;
            scope.spawn(move || {
                let inputs = thread..thread + 8_000;
                if thread % 2 == 0 {
                    for (x, result) in inputs.clone().zip(pool.map(triple, inputs)) {
                        assert_eq!(result.expect("a result"), x * 3);
                    }
                } else {
                    let results = pool.map_unordered(triple, inputs.clone());
                    let sum: u64 = results.map(|(_, result)| result.expect("a result")).sum();
                    assert_eq!(sum, inputs.map(|x| x * 3).sum::<u64>());
                }
            });
        }
    });
}

fn a_thread_that_waits_serves_the_others(method: StartMethod) {
    let pool = pool(method);
    let gate = Gate::new();
    thread::scope(|scope| {
        let held = pool.submit(gate::pass, gate.name());
        let waiting = scope.spawn(move || held.join());
        let arrival = gate.arrival();
        // The other thread sleeps in `join` for a task that does not end; nobody else may need it to wake.
        for x in 0..500 {
            assert_eq!(pool.call(triple, x).expect("a result"), x * 3);
        }
        let handles: Vec<_> = (0..500).map(|x| pool.submit(triple, x)).collect();
        for (x, handle) in (0..).zip(handles) {
            assert_eq!(handle.join().expect("a result"), x * 3);
        }
        drop(arrival);
        waiting.join().expect("no panic").expect("the gate is open");
    });
}

fn the_last_owner_is_another_thread(method: StartMethod) {
    without_a_trace(|| {
        let pool = Arc::new(pool(method));
        let handle = pool.submit(triple, 5);
        let other = thread::spawn({
            let pool = Arc::clone(&pool);
            move || {
                let result = pool.call(triple, 6);
                drop(pool);
                result
            }
        });
        drop(pool);
        assert_eq!(other.join().expect("no panic").expect("a result"), 18);
        assert_eq!(handle.join().expect("a result"), 15);
    });
}

fn nested(method: u8) -> (u32, u64) {
    let method =
        [StartMethod::Fork, StartMethod::Spawn, StartMethod::Forkserver][usize::from(method)];
    let pool =
        Pool::builder().workers(2).start_method(method).build().expect("a pool in a worker");
    let sum = pool.map(triple, 0..100).map(|result| result.expect("a result")).sum();
    (std::process::id(), sum)
}

fn a_pool_within_a_worker(method: StartMethod) {
    let pool = pool(method);
    for inner in [0, 1, 2, 0] {
        let (pid, sum) = pool.call(nested, inner).expect("a result");
        assert_ne!(pid, std::process::id());
        assert_eq!(sum, 3 * 99 * 50);
    }
}

fn sum_by_threads(limit: u64) -> u64 {
    let threads: Vec<_> = (0..4)
        .map(|part| thread::spawn(move || (part..limit).step_by(4).sum::<u64>()))
        .collect();
    threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
}

fn a_task_may_start_threads(method: StartMethod) {
    let pool = pool(method);
    for result in pool.map(sum_by_threads, vec![1_000; 50]) {
        assert_eq!(result.expect("a result"), 499_500);
    }
}

fn built_by_a_thread_that_ends(method: StartMethod) {
    if method == StartMethod::Fork {
        // Refused there: a thread that builds is a second one.
        return;
    }
    without_a_trace(|| {
        let built = thread::spawn(move || pool(method)).join().expect("a pool");
        // Workers that died with the thread that built them would be dead by now or soon.
        for x in 0..200 {
            assert_eq!(built.call(triple, x).expect("a result"), x * 3);
        }
        crate::observe::worker_pids(&built, 2);
    });
}
