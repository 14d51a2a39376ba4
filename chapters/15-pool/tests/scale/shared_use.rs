//! Who shares what: tasks of different urgency a worker, threads a pool, pools a program.

use crate::gate::{self, Gate};
use crate::observe::{builder, without_a_trace};
use crate::sizes::same;
use procpool::{Pool, StartMethod, wait_first};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How many tasks like this one its worker has run before, and who it is.
fn place(_: u64) -> (u32, u64) {
    static RUN: AtomicU64 = AtomicU64::new(0);
    (std::process::id(), RUN.fetch_add(1, Ordering::Relaxed))
}

/// Tasks that were sent ahead to a busy worker start after those that are more urgent, and equals in order; what was meant
/// for a worker whose task lasts goes, in the same order, to the one that is free.
pub(crate) fn urgent_tasks(count: u64) -> String {
    let begun = Instant::now();
    for method in crate::METHODS {
        for workers in [1, 2] {
            in_order(
                &builder(method).workers(workers).build().expect("a pool"),
                workers,
                count,
            );
        }
    }
    format!("1 before {count} before {count} in {:.2?}", begun.elapsed())
}

fn in_order(pool: &Pool, workers: usize, count: u64) {
    // Short tasks are sent far ahead, once the pool knows that they are short.
    assert_eq!(pool.map(same, 0..20_000).filter_map(Result::ok).count(), 20_000);
    let gates: Vec<Gate> = (0..workers).map(|_| Gate::new()).collect();
    let held: Vec<_> = gates.iter().map(|gate| pool.submit(gate::pass, gate.name())).collect();
    let mut arrivals: Vec<_> = gates.iter().map(Gate::arrival).collect();
    if workers > 1 {
        // For a moment a task that lasts is taken for a short one, and others are sent after it.
        thread::sleep(LASTS);
    }
    let low = pool.task(place).priority(-1).map(0..count);
    let middle: Vec<_> = (0..count).map(|number| pool.submit(place, number)).collect();
    let high = pool.task(place).priority(1).submit(0);
    // One worker goes on, and does everything.
    let first = arrivals.remove(0);
    let worker = first.pid;
    drop(first);
    let of_worker = |(pid, place): (u32, u64)| {
        assert_eq!(pid, worker);
        place
    };
    let high = of_worker(high.join().expect("a place"));
    let middle: Vec<u64> =
        middle.into_iter().map(|it| of_worker(it.join().expect("a place"))).collect();
    let low: Vec<u64> = low.map(|it| of_worker(it.expect("a place"))).collect();
    drop(arrivals);
    assert!(held.into_iter().all(|it| it.join().is_ok()));
    assert!(high < middle[0] && middle.last() < low.first(), "{high} {middle:?} {low:?}");
    assert!(middle.is_sorted() && low.is_sorted(), "equals start in order");
}

/// A task that has run for so long is no short one, in the pool's eyes.
const LASTS: Duration = Duration::from_millis(50);

pub(crate) fn threads_that_share_a_pool(threads: u64, tasks: u64) -> String {
    let pool = Arc::new(builder(StartMethod::Forkserver).build().expect("a pool"));
    let begun = Instant::now();
    thread::scope(|scope| {
        for own in 0..threads {
            let pool = &pool;
            scope.spawn(move || match own % 4 {
                0 => {
                    let results = pool.map(same, 0..tasks);
                    assert!((0..).zip(results).all(|(n, it)| it.expect("a number") == n));
                }
                1 => {
                    let results = pool.map_unordered(same, 0..tasks);
                    let sum: u64 = results.map(|(_, it)| it.expect("a number")).sum();
                    assert_eq!(sum, tasks * (tasks - 1) / 2);
                }
                2 => {
                    for number in 0..tasks {
                        assert_eq!(pool.call(same, number).expect("a number"), number);
                    }
                }
                _ => {
                    for first in (0..tasks).step_by(50) {
                        let mut handles: Vec<_> = (first..first + 50)
                            .map(|number| pool.submit(same, number))
                            .collect();
                        while !handles.is_empty() {
                            let at = wait_first(&mut handles, Some(Duration::from_secs(60)));
                            let handle = handles.swap_remove(at.expect("one finishes"));
                            assert!(handle.join().expect("a number") < first + 50);
                        }
                    }
                }
            });
        }
    });
    let stats = pool.stats();
    assert_eq!((stats.queued, stats.running), (0, 0));
    assert_eq!(stats.submitted, stats.completed);
    format!("{threads} threads, {} tasks in {:.2?}", stats.completed, begun.elapsed())
}

/// Pools of different kinds in several threads at once. `Fork` comes first: it needs a program with one thread.
pub(crate) fn pools_side_by_side(of_each: usize) -> String {
    let begun = Instant::now();
    without_a_trace(|| {
        let fork = builder(StartMethod::Fork).build().expect("a pool");
        let work = |pool: &Pool| {
            for (number, result) in (0..500).zip(pool.map(same, 0..500)) {
                assert_eq!(result.expect("a number"), number);
            }
        };
        thread::scope(|scope| {
            for method in [StartMethod::Spawn, StartMethod::Forkserver].repeat(of_each) {
                scope.spawn(move || work(&builder(method).build().expect("a pool")));
            }
            work(&fork);
        });
    });
    format!("{} in {:.2?}", 1 + 2 * of_each, begun.elapsed())
}
