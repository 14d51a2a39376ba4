//! A pool within a worker.
//!
//! An inner pool's program is the worker that built it. So what holds for a program holds for that worker: when it ends,
//! in whatever way, its inner workers end too.

use crate::gate::{self, Gate};
use crate::observe::{
    builder, children, descriptors, is_alive, kill_9, pool, raw, until, without_a_trace,
    worker_pids,
};
use nix::unistd::Pid;
use procpool::{Pool, PoolError, Shutdown, StartMethod, TaskError};
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

crate::over_each_start_method![
    an_inner_pool_stays_from_task_to_task,
    an_initializer_builds_and_a_finalizer_ends_an_inner_pool,
    inner_workers_end_with_a_killed_worker,
    inner_workers_end_with_an_aborted_task,
    inner_workers_end_with_a_pool_that_is_killed,
    inner_workers_end_with_a_worker_that_leaves,
    what_inner_tasks_left_ends_with_a_killed_worker,
    an_inner_fork_beside_threads_is_refused,
    an_inner_pool_survives_its_own_dead_workers,
    inner_workers_have_no_descriptor_of_the_outer_pool,
    three_pools_deep,
];

const METHODS: [StartMethod; 3] =
    [StartMethod::Fork, StartMethod::Spawn, StartMethod::Forkserver];

/// A start method is an argument as its place in [`METHODS`].
type Method = usize;

/// The worker's own pool. Nothing drops it when the worker ends.
static INNER: Mutex<Option<Pool>> = Mutex::new(None);

fn inner() -> MutexGuard<'static, Option<Pool>> {
    INNER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Builds the worker's own pool, if it has none.
fn keep_inner(method: Method) {
    inner().get_or_insert_with(|| pool(METHODS[method]));
}

fn triple(x: u64) -> u64 {
    x * 3
}

/// Maps over the worker's own pool; returns the process ids of its workers, and a sum.
fn use_inner(method: Method) -> (BTreeSet<u32>, u64) {
    keep_inner(method);
    let kept = inner();
    let kept = kept.as_ref().expect("built above");
    let sum = kept.map(triple, 0..100).map(|result| result.expect("a result")).sum();
    (worker_pids(kept, 2), sum)
}

/// Has both inner workers wait at a gate, and waits itself for what never comes.
fn wait_with_inner((method, gate): (Method, String)) {
    keep_inner(method);
    let kept = inner();
    let kept = kept.as_ref().expect("built above");
    let handles: Vec<_> = (0..2).map(|_| kept.submit(gate::pass, gate.clone())).collect();
    for handle in handles {
        handle.join().expect("the gate is open");
    }
}

/// Runs `body`, which may leave orphans; this process inherits them, and they end.
fn reaping_orphans(body: impl FnOnce()) {
    wait::become_subreaper().expect("any kernel since 3.4");
    without_a_trace(|| {
        body();
        for orphan in children() {
            let orphan = Pid::from_raw(raw(orphan));
            let mut orphan = wait::Child::adopt(orphan).expect("a child of this case");
            orphan.wait().expect("an orphan that ends");
        }
    });
}

fn an_inner_pool_stays_from_task_to_task(method: StartMethod) {
    for inner in 0..METHODS.len() {
        reaping_orphans(|| {
            let pool = builder(method).workers(1).build().expect("a pool");
            let (first, sum) = pool.call(use_inner, inner).expect("a result");
            assert_eq!(sum, 3 * 99 * 50);
            for _ in 0..3 {
                assert_eq!(
                    pool.call(use_inner, inner).expect("a result"),
                    (first.clone(), sum)
                );
            }
        });
    }
}

fn end_inner() {
    let kept = inner().take().expect("the initializer has built it");
    kept.shutdown(Shutdown::Finish, None).expect("an end");
}

fn inner_pids(_: ()) -> BTreeSet<u32> {
    worker_pids(inner().as_ref().expect("the initializer has built it"), 2)
}

fn an_initializer_builds_and_a_finalizer_ends_an_inner_pool(method: StartMethod) {
    for inner in 0..METHODS.len() {
        // Nobody is an orphan here: the worker waits for its inner workers before it leaves.
        wait::become_subreaper().expect("any kernel since 3.4");
        without_a_trace(|| {
            let outer = builder(method).initializer(keep_inner, inner).finalizer(end_inner);
            let pool = outer.build().expect("a pool");
            let pids = pool.call(inner_pids, ()).expect("a result");
            pool.shutdown(Shutdown::Finish, None).expect("an end");
            assert!(pids.iter().all(|pid| !is_alive(*pid)));
        });
    }
}

/// A pool with one worker, whose task waits for two inner workers, which are busy.
fn with_busy_inner_workers(
    method: StartMethod,
    end: impl Fn(&Pool, &procpool::JoinHandle<()>, u32),
    check: impl Fn(Result<(), TaskError>),
) {
    for inner in 0..METHODS.len() {
        reaping_orphans(|| {
            let pool = builder(method).workers(1).build().expect("a pool");
            let worker = pool.call(own_pid, ()).expect("a result");
            let gate = Gate::new();
            let handle = pool.submit(wait_with_inner, (inner, gate.name()));
            // They stand there to the end: only a signal ends these tasks.
            let arrivals = [gate.arrival(), gate.arrival()];
            end(&pool, &handle, worker);
            check(handle.join());
            until("the inner workers end", || {
                arrivals.iter().all(|arrival| !is_alive(arrival.pid))
            });
        });
    }
}

fn own_pid(_: ()) -> u32 {
    std::process::id()
}

fn inner_workers_end_with_a_killed_worker(method: StartMethod) {
    with_busy_inner_workers(
        method,
        |_, _, worker| kill_9(worker),
        |result| assert!(matches!(result, Err(TaskError::WorkerDied { .. })), "{result:?}"),
    );
}

fn inner_workers_end_with_an_aborted_task(method: StartMethod) {
    with_busy_inner_workers(
        method,
        |pool, handle, worker| {
            assert!(handle.abort());
            // The outer pool goes on, with another worker.
            assert_ne!(pool.call(own_pid, ()).expect("a result"), worker);
        },
        |result| assert!(matches!(result, Err(TaskError::Aborted)), "{result:?}"),
    );
}

fn inner_workers_end_with_a_pool_that_is_killed(method: StartMethod) {
    with_busy_inner_workers(
        method,
        |pool, _, _| drop(pool.shutdown(Shutdown::Kill, None).expect("an end")),
        |result| assert!(matches!(result, Err(TaskError::Aborted)), "{result:?}"),
    );
}

fn inner_workers_end_with_a_worker_that_leaves(method: StartMethod) {
    for inner in 0..METHODS.len() {
        reaping_orphans(|| {
            let pool = builder(method).workers(1).build().expect("a pool");
            let (pids, _) = pool.call(use_inner, inner).expect("a result");
            // The worker leaves in good order, and nothing in it ends its pool.
            drop(pool);
            until("the inner workers end", || pids.iter().all(|pid| !is_alive(*pid)));
        });
    }
}

#[expect(clippy::zombie_processes, reason = "a task that leaves a child is what is tested")]
fn leave_a_child(_: ()) -> u32 {
    let child = Command::new("sleep").arg("1000").spawn().expect("sleep is everywhere");
    child.id()
}

fn leave_a_child_of_an_inner_task(method: Method) -> u32 {
    keep_inner(method);
    let kept = inner();
    kept.as_ref().expect("built above").call(leave_a_child, ()).expect("a result")
}

fn what_inner_tasks_left_ends_with_a_killed_worker(method: StartMethod) {
    for inner in 0..METHODS.len() {
        reaping_orphans(|| {
            let pool = builder(method).workers(1).build().expect("a pool");
            let worker = pool.call(own_pid, ()).expect("a result");
            let left = pool.call(leave_a_child_of_an_inner_task, inner).expect("a result");
            assert!(is_alive(left));
            kill_9(worker);
            until("what was left ends", || !is_alive(left));
        });
    }
}

/// What an inner pool by fork says while the worker has another pool, whose threads are the worker's.
fn fork_beside(method: Method) -> Result<(), String> {
    keep_inner(method);
    match Pool::builder().workers(1).start_method(StartMethod::Fork).build() {
        Err(error @ PoolError::ForkWithThreads { count: 4 }) => Err(error.to_string()),
        Err(other) => panic!("{other}"),
        Ok(_) => Ok(()),
    }
}

fn an_inner_fork_beside_threads_is_refused(method: StartMethod) {
    reaping_orphans(|| {
        let pool = builder(method).workers(1).build().expect("a pool");
        for inner in 0..METHODS.len() {
            let said = pool.call(fork_beside, inner).expect("a result").expect_err("refused");
            assert!(said.contains("4 threads") && said.contains("Forkserver"), "{said}");
        }
        // Nothing is wrong with the worker after it.
        assert_eq!(pool.call(use_inner, 0).expect("a result").1, 3 * 99 * 50);
    });
}

fn exit_3(_: ()) {
    std::process::exit(3);
}

fn inner_deaths(method: Method) -> Vec<u64> {
    let inner = pool(METHODS[method]);
    let results = (0..6).map(|n| {
        assert!(matches!(inner.call(exit_3, ()), Err(TaskError::WorkerDied { .. })));
        inner.call(triple, n).expect("a result")
    });
    results.collect()
}

fn an_inner_pool_survives_its_own_dead_workers(method: StartMethod) {
    without_a_trace(|| {
        let pool = pool(method);
        for inner in 0..METHODS.len() {
            let results = pool.call(inner_deaths, inner).expect("a result");
            assert_eq!(results, [0, 3, 6, 9, 12, 15]);
        }
        // It was no death of the outer pool's.
        assert_eq!(pool.stats().restarts, 0);
    });
}

/// The sockets and memories of this process, by their numbers in the kernel.
fn sockets_and_memory(_: ()) -> Vec<(String, u64)> {
    let own = descriptors(std::process::id()).into_iter();
    let named = own.filter(|(number, target, _)| {
        *number > 2 && (target.starts_with("socket:") || target.contains("memfd:"))
    });
    named.map(|(_, target, inode)| (target, inode)).collect()
}

type Open = Vec<(String, u64)>;

/// What the worker has open before it builds a pool, and what the inner worker has.
fn outer_and_inner(method: Method) -> (Open, Open) {
    let outer = sockets_and_memory(());
    let inner = pool(METHODS[method]);
    (outer, inner.call(sockets_and_memory, ()).expect("a result"))
}

fn inner_workers_have_no_descriptor_of_the_outer_pool(method: StartMethod) {
    let pool = pool(method);
    for inner in 0..METHODS.len() {
        let (outer, inner) = pool.call(outer_and_inner, inner).expect("a result");
        assert!(!outer.is_empty() && !inner.is_empty());
        let shared: Vec<_> = inner.iter().filter(|open| outer.contains(open)).collect();
        assert!(shared.is_empty(), "{shared:?}");
    }
}

/// Each level has one worker, which builds the next level.
fn descend(levels: Vec<Method>) -> Vec<u32> {
    let mut pids = vec![std::process::id()];
    if let Some((method, rest)) = levels.split_first() {
        let pool = builder(METHODS[*method]).workers(1).build().expect("a pool");
        pids.extend(pool.call(descend, rest.to_vec()).expect("a result"));
    }
    pids
}

fn three_pools_deep(method: StartMethod) {
    without_a_trace(|| {
        let pool = builder(method).workers(1).build().expect("a pool");
        for levels in [vec![0, 1], vec![1, 2], vec![2, 0]] {
            let pids = pool.call(descend, levels).expect("a result");
            assert_eq!(pids.iter().collect::<BTreeSet<_>>().len(), 3);
        }
    });
}
