//! Workers that are replaced although they work: after so many tasks, or when they have grown.

use crate::gate::{self, Gate, pass_if_any};
use crate::observe::{builder, children, is_alive, until, worker_pids};
use nix::time::{ClockId, clock_gettime};
use procpool::{Builder, Pool, PoolError, StartMethod, TaskError};
use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

crate::over_each_start_method![
    a_worker_runs_exactly_so_many_tasks,
    no_worker_of_a_map_runs_more,
    one_task_for_each_worker,
    no_more_tasks_run_at_once_than_workers,
    waiting_tasks_and_large_ones_stay_whole,
    a_recycled_worker_leaves_in_good_order,
    recycling_is_no_restart,
    recycling_while_the_pool_grows_and_shrinks,
    a_worker_that_does_not_leave_is_killed,
    a_worker_that_has_grown_is_replaced,
    an_idle_worker_that_has_grown_is_replaced,
    a_worker_far_above_its_memory_is_killed,
    a_kill_for_memory_is_a_death_to_run_again,
    stats_say_what_a_worker_uses,
    senseless_limits_are_refused,
];

const LONG: Duration = Duration::from_secs(3_600);

/// One worker, so that its successors come one after the other.
fn one_worker(method: StartMethod) -> Builder {
    Pool::builder().workers(1).start_method(method).restart_limit(0, LONG)
}

fn own_pid(_: u32) -> u32 {
    std::process::id()
}

fn tasks_by_worker(pids: impl Iterator<Item = u32>) -> BTreeMap<u32, u32> {
    let mut tasks = BTreeMap::new();
    pids.for_each(|pid| *tasks.entry(pid).or_insert(0) += 1);
    tasks
}

fn a_worker_runs_exactly_so_many_tasks(method: StartMethod) {
    let pool = one_worker(method).max_tasks_per_worker(3).build().expect("a pool");
    let pids: Vec<u32> = (0..60).map(|n| pool.call(own_pid, n).expect("a result")).collect();
    for run in pids.chunks(3) {
        assert_eq!(run, [run[0]; 3], "{pids:?}");
    }
    assert_eq!(pids.chunks(3).map(|run| run[0]).collect::<BTreeSet<_>>().len(), 20);
}

fn no_worker_of_a_map_runs_more(method: StartMethod) {
    let pool = builder(method).max_tasks_per_worker(50).build().expect("a pool");
    let results = pool.map(own_pid, 0..5_000).map(|result| result.expect("a result"));
    let tasks = tasks_by_worker(results);
    assert!(tasks.values().all(|tasks| *tasks <= 50), "{tasks:?}");
    assert_eq!(tasks.values().sum::<u32>(), 5_000);
}

fn one_task_for_each_worker(method: StartMethod) {
    let pool = builder(method).max_tasks_per_worker(1).build().expect("a pool");
    let handles: Vec<_> = (0..500).map(|n| pool.submit(own_pid, n)).collect();
    let submitted = handles.into_iter().map(|handle| handle.join().expect("a result"));
    let mapped = pool.map(own_pid, 0..500).map(|result| result.expect("a result"));
    // A number may be given out again only long after.
    let pids: BTreeSet<u32> = submitted.chain(mapped).collect();
    assert_eq!(pids.len(), 1_000);
    until("the pool is whole again", || pool.stats().workers.len() == 2);
}

fn no_more_tasks_run_at_once_than_workers(method: StartMethod) {
    let pool = builder(method).max_tasks_per_worker(1).build().expect("a pool");
    let gate = Gate::new();
    let handles: Vec<_> = (0..6).map(|_| pool.submit(gate::pass, gate.name())).collect();
    let mut waiting = vec![gate.arrival(), gate.arrival()];
    let mut pids: BTreeSet<u32> = waiting.iter().map(|arrival| arrival.pid).collect();
    for _ in 2..6 {
        let looked = Instant::now();
        while looked.elapsed() < Duration::from_millis(30) {
            assert!(gate.try_arrival().is_none(), "a third task runs in a pool of two");
        }
        drop(waiting.remove(0));
        waiting.push(gate.arrival());
        assert!(pids.insert(waiting[1].pid), "it has run one already");
    }
    drop(waiting);
    for handle in handles {
        handle.join().expect("the gate is open");
    }
}

fn echo(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

fn waiting_tasks_and_large_ones_stay_whole(method: StartMethod) {
    let pool = builder(method).max_tasks_per_worker(2).build().expect("a pool");
    let pattern = |n: u32| -> Vec<u8> {
        let len = [3, 40_000, 700_000][n as usize % 3];
        (0..len).map(|i: u32| (i >> 3) as u8 ^ n as u8).collect()
    };
    let handles: Vec<_> = (0..60).map(|n| pool.submit(echo, pattern(n))).collect();
    for (n, handle) in (0..).zip(handles) {
        assert!(handle.join().expect("a result") == pattern(n), "{n}");
    }
    for n in 0..12 {
        assert!(pool.call(echo, pattern(n)).expect("a result") == pattern(n), "{n}");
    }
}

/// The gate to which the worker's finalizer comes.
static LAST_GATE: OnceLock<String> = OnceLock::new();

fn remember(gate: String) {
    let _ = LAST_GATE.set(gate);
}

fn come_to_the_gate() {
    gate::pass(LAST_GATE.get().expect("the initializer has run").clone());
}

fn a_recycled_worker_leaves_in_good_order(method: StartMethod) {
    let gate = Gate::new();
    let pool = one_worker(method)
        .initializer(remember, gate.name())
        .finalizer(come_to_the_gate)
        .max_tasks_per_worker(2)
        .build()
        .expect("a pool");
    let mut before = None;
    for n in 0..4 {
        // The worker before is still in its finalizer, and the next one works.
        let pids = [n, n].map(|n| pool.call(own_pid, n).expect("a result"));
        assert_eq!(pids[0], pids[1]);
        let arrival = gate.arrival();
        assert_eq!(arrival.pid, pids[0], "its finalizer runs");
        assert_ne!(before.replace(pids[0]), Some(pids[0]));
        let next = pool.call(own_pid, 7).expect("nobody waits for a finalizer");
        assert_ne!(next, pids[0]);
        assert!(is_alive(pids[0]));
        drop(arrival);
        until("it has left", || !is_alive(pids[0]));
        // The second task of that one.
        assert_eq!(pool.call(own_pid, 7).expect("a result"), next);
        drop(gate.arrival());
    }
    let end = std::thread::scope(|scope| {
        let ending = scope.spawn(|| pool.shutdown(procpool::Shutdown::Finish, None));
        drop(gate.arrival());
        ending.join().expect("no panic")
    });
    assert_eq!(end.expect("an end in good order").stats.restarts, 0);
}

fn recycling_is_no_restart(method: StartMethod) {
    // Not one worker may die by itself.
    let pool = one_worker(method).max_tasks_per_worker(1).build().expect("a pool");
    for n in 0..40 {
        pool.call(own_pid, n).expect("a result");
    }
    let stats = pool.stats();
    assert_eq!((stats.restarts, stats.died, stats.completed), (0, 0, 40));
}

fn recycling_while_the_pool_grows_and_shrinks(method: StartMethod) {
    let pool = builder(method).max_tasks_per_worker(3).build().expect("a pool");
    let over = AtomicBool::new(false);
    let tasks = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut sizes = [4, 1, 3, 2].into_iter().cycle();
            while !over.load(Ordering::Relaxed) {
                pool.scale_to(sizes.next().expect("endless")).expect("workers");
            }
            pool.scale_to(2).expect("workers");
        });
        let results = pool.map(own_pid, 0..300).map(|result| result.expect("a result"));
        *tasks.lock().expect("no panic") = tasks_by_worker(results);
        over.store(true, Ordering::Relaxed);
    });
    let tasks = tasks.into_inner().expect("no panic");
    assert!(tasks.values().all(|tasks| *tasks <= 3), "{tasks:?}");
    until("the pool has its size", || pool.stats().workers.len() == 2);
    worker_pids(&pool, 2);
}

fn never_leave() {
    loop {
        std::thread::park();
    }
}

fn a_worker_that_does_not_leave_is_killed(method: StartMethod) {
    let pool = one_worker(method)
        .finalizer(never_leave)
        .start_timeout(Duration::from_secs(4))
        .max_tasks_per_worker(1)
        .build()
        .expect("a pool");
    let pid = pool.call(own_pid, 0).expect("a result");
    assert!(is_alive(pid));
    until("it is killed", || !is_alive(pid));
    let next = pool.call(own_pid, 1).expect("another worker has long been there");
    assert_ne!(next, pid);
    pool.shutdown(procpool::Shutdown::Finish, Some(Duration::ZERO)).expect("an end");
    assert!(children().is_empty());
}

/// What tasks have lost.
static LOST: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Takes memory and never gives it back; its worker.
fn lose(bytes: usize) -> u32 {
    LOST.lock().expect("no panic").push(black_box(vec![1; bytes]));
    std::process::id()
}

const MIB: usize = 1 << 20;
/// More than a worker has from the start.
const MAX_RSS: u64 = 96 << 20;

fn a_worker_that_has_grown_is_replaced(method: StartMethod) {
    let pool = one_worker(method).max_rss(MAX_RSS).build().expect("a pool");
    // The third task is above the limit, and the sixth would be above twice it.
    let mut pids = BTreeSet::new();
    let ends_at = Instant::now() + Duration::from_secs(60);
    while pids.len() < 4 {
        assert!(Instant::now() < ends_at, "in a minute: {pids:?}");
        // A look comes after each, at the latest after 50 ms.
        pids.insert(pool.call(lose, 30 * MIB).expect("no task takes too much"));
        let rested = Instant::now();
        until("the supervisor has looked", || rested.elapsed() > Duration::from_millis(120));
    }
    let stats = pool.stats();
    assert_eq!((stats.restarts, stats.died, stats.failed), (0, 0, 0));
}

fn an_idle_worker_that_has_grown_is_replaced(method: StartMethod) {
    let pool = one_worker(method).max_rss(MAX_RSS).build().expect("a pool");
    let pid = pool.call(lose, 130 * MIB).expect("it is below twice the limit");
    until("it is replaced although nothing is to do", || !is_alive(pid));
    assert_ne!(pool.call(own_pid, 0).expect("a result"), pid);
    assert_eq!(pool.stats().restarts, 0);
}

/// Takes memory, then waits at a gate.
fn lose_and_wait((gate, bytes): (String, usize)) -> u32 {
    lose(bytes);
    gate::pass(gate)
}

fn expect_over_memory(result: Result<u32, TaskError>, expected_pid: u32) {
    match result {
        Err(TaskError::WorkerDied { pid, evidence, .. }) => {
            assert_eq!(pid, expected_pid);
            let note = evidence.note.expect("why it was killed");
            assert!(note.contains("over its memory limit"), "{note}");
            assert!(note.contains(&MAX_RSS.to_string()), "{note}");
            let numbers = note.split(|letter: char| !letter.is_ascii_digit());
            let most = numbers.filter_map(|number| number.parse::<u64>().ok()).max();
            assert!(most.is_some_and(|most| most > 2 * MAX_RSS), "{note}");
        }
        other => panic!("{other:?}"),
    }
}

fn a_worker_far_above_its_memory_is_killed(method: StartMethod) {
    let pool = builder(method).restart_limit(0, LONG).max_rss(MAX_RSS).build().expect("a pool");
    let gate = Gate::new();
    let handle = pool.submit(lose_and_wait, (gate.name(), 260 * MIB));
    let neighbours: Vec<_> = (0..50).map(|n| pool.submit(pass_if_any, (None, n))).collect();
    // It may be killed before it comes to the gate.
    let result = handle.join();
    let Err(TaskError::WorkerDied { pid, .. }) = &result else { panic!("{result:?}") };
    let pid = *pid;
    expect_over_memory(result, pid);
    for (n, neighbour) in (0..).zip(neighbours) {
        assert_eq!(neighbour.join().expect("it takes no memory"), n);
    }
    assert!(!worker_pids(&pool, 2).contains(&pid));
    let stats = pool.stats();
    assert_eq!((stats.restarts, stats.died), (1, 1));
}

fn a_kill_for_memory_is_a_death_to_run_again(method: StartMethod) {
    let pool = one_worker(method).retries(1).max_rss(MAX_RSS).build().expect("a pool");
    let gate = Gate::new();
    let handle = pool.submit(lose_and_wait, (gate.name(), 260 * MIB));
    let result = handle.join();
    let Err(TaskError::WorkerDied { pid, .. }) = &result else { panic!("{result:?}") };
    let pid = *pid;
    expect_over_memory(result, pid);
    until("both workers are replaced", || pool.stats().restarts == 2);
    assert_eq!(pool.stats().died, 1);
}

/// Uses a processor for so long, and keeps some memory.
fn work(time: Duration) {
    lose(40 * MIB);
    let own = ClockId::CLOCK_PROCESS_CPUTIME_ID;
    let cpu_time = || Duration::from(clock_gettime(own).expect("every process has one"));
    let begun = cpu_time();
    while cpu_time() < begun + time {}
}

fn stats_say_what_a_worker_uses(method: StartMethod) {
    let pool = one_worker(method).build().expect("a pool");
    let before = pool.stats().workers[0].clone();
    let time = Duration::from_millis(40);
    pool.call(work, time).expect("a result");
    let after = pool.stats().workers[0].clone();
    assert_eq!(after.pid, before.pid);
    assert!(after.cpu >= before.cpu + time, "{before:?}, then {after:?}");
    assert!(after.cpu < LONG, "{after:?}");
    assert!(before.rss_bytes > 64 << 10, "{before:?}");
    assert!(after.rss_bytes >= 40 * MIB as u64 && after.rss_bytes < 1 << 40, "{after:?}");
}

fn senseless_limits_are_refused(method: StartMethod) {
    let option = |builder: Builder| match builder.build() {
        Err(PoolError::Invalid { option, .. }) => option,
        other => panic!("{other:?}"),
    };
    assert_eq!(option(builder(method).max_tasks_per_worker(0)), "max_tasks_per_worker");
    assert_eq!(option(builder(method).max_rss(0)), "max_rss");
}
