//! What `Stats` says of times: every task that ran is in the histogram, and a worker is busy as long as it runs tasks.

use crate::gate::{self, EXIT, Gate};
use crate::observe::{builder, pool, until};
use procpool::{Pool, StartMethod, TaskError};
use std::time::{Duration, Instant};

crate::over_each_start_method![
    every_task_is_counted_when_its_join_returns,
    the_inputs_of_a_map_are_counted,
    one_long_task_among_short_ones_is_seen,
    a_task_that_waits_is_seen,
    times_outlive_their_worker,
    a_task_that_is_run_again_waits_twice,
    a_worker_is_busy_while_it_runs_a_task,
    garbage_in_the_times_harms_nobody,
];

fn same(number: u32) -> u32 {
    number
}

fn sleep(time: Duration) {
    std::thread::sleep(time);
}

/// How many tasks have run and how many were handed to a worker.
fn counted(pool: &Pool) -> (u64, u64) {
    let stats = pool.stats();
    for histogram in [&stats.run, &stats.wait] {
        assert!(histogram.p50 <= histogram.p99, "{histogram:?}");
        assert!(histogram.p99 <= histogram.max, "{histogram:?}");
    }
    (stats.run.count, stats.wait.count)
}

fn every_task_is_counted_when_its_join_returns(method: StartMethod) {
    let pool = pool(method);
    assert_eq!(counted(&pool), (0, 0));
    for number in 1..=200 {
        assert_eq!(pool.call(same, number).expect("a result"), number);
        assert_eq!(counted(&pool), (u64::from(number), u64::from(number)));
    }
    let handles: Vec<_> = (0..5_000).map(|number| pool.submit(same, number)).collect();
    for handle in handles {
        handle.join().expect("a result");
    }
    assert_eq!(counted(&pool), (5_200, 5_200));
    let run = pool.stats().run;
    assert!(run.max > Duration::ZERO && run.max < Duration::from_secs(60), "{run:?}");
}

fn the_inputs_of_a_map_are_counted(method: StartMethod) {
    let pool = pool(method);
    for (done, result) in (1..).zip(pool.map(same, 0..30_000)) {
        result.expect("a result");
        if done % 1_000 == 0 {
            assert!(counted(&pool).0 >= done, "{done} were taken out");
        }
    }
    assert_eq!(pool.map_unordered(same, 0..10_000).count(), 10_000);
    assert_eq!(counted(&pool), (40_000, 40_000));
}

fn one_long_task_among_short_ones_is_seen(method: StartMethod) {
    let pool = builder(method).workers(1).build().expect("a pool");
    let long = Duration::from_millis(300);
    // Wherever it stands between two tasks that are measured.
    for place in [1_000, 1_005, 1_010] {
        let times = (0..1_500).map(|n| if n == place { long } else { Duration::ZERO });
        assert!(pool.map(rest, times).all(|result| result.is_ok()));
    }
    let stats = pool.stats();
    assert_eq!(stats.run.count, 4_500);
    assert!(stats.run.max >= long, "{:?}", stats.run);
    let busy = stats.workers[0].busy;
    assert!(busy >= 3 * long, "busy for {busy:?}");
}

/// Does not even enter the kernel for a time of zero.
fn rest(time: Duration) {
    if !time.is_zero() {
        std::thread::sleep(time);
    }
}

fn a_task_that_waits_is_seen(method: StartMethod) {
    let pool = builder(method).workers(1).build().expect("a pool");
    let gate = Gate::new();
    let first = pool.submit(gate::pass, gate.name());
    let arrival = gate.arrival();
    // More than the ring takes ahead of a task that nobody has measured.
    let others: Vec<_> = (0..20).map(|number| pool.submit(same, number)).collect();
    let accepted = Instant::now();
    until("a while", || accepted.elapsed() >= Duration::from_millis(50));
    drop(arrival);
    first.join().expect("the gate is open");
    for other in others {
        other.join().expect("a result");
    }
    let wait = pool.stats().wait;
    assert_eq!(wait.count, 21);
    assert!(wait.max >= Duration::from_millis(50), "{wait:?}");
}

fn times_outlive_their_worker(method: StartMethod) {
    let pool = builder(method).workers(1).build().expect("a pool");
    pool.call(sleep, Duration::from_millis(20)).expect("a result");
    assert!(pool.map(same, 0..1_003).all(|result| result.is_ok()));
    let gate = Gate::new();
    let handle = pool.submit(gate::pass, gate.name());
    gate.arrival().answer(EXIT);
    assert!(matches!(handle.join(), Err(TaskError::WorkerDied { .. })));
    pool.call(same, 1).expect("another worker");
    // The one that was lost was handed over and never ran to its end.
    assert_eq!(counted(&pool), (1_005, 1_006));
    assert!(pool.stats().run.max >= Duration::from_millis(20), "{:?}", pool.stats().run);
    pool.scale_to(2).expect("one more");
    pool.scale_to(1).expect("one less");
    until("it has left", || pool.stats().workers.len() == 1);
    assert_eq!(counted(&pool), (1_005, 1_006));
}

fn a_task_that_is_run_again_waits_twice(method: StartMethod) {
    let pool = builder(method).retries(1).build().expect("a pool");
    let gate = Gate::new();
    let handle = pool.submit(gate::pass, gate.name());
    gate.arrival().answer(EXIT);
    drop(gate.arrival());
    handle.join().expect("the second run ends well");
    assert_eq!(counted(&pool), (1, 2));
}

fn a_worker_is_busy_while_it_runs_a_task(method: StartMethod) {
    let pool = builder(method).workers(1).build().expect("a pool");
    let busy = || pool.stats().workers[0].busy;
    assert_eq!(busy(), Duration::ZERO);
    assert!(pool.map(same, 0..2_000).all(|result| result.is_ok()));
    let begun = Instant::now();
    let gate = Gate::new();
    let handle = pool.submit(gate::pass, gate.name());
    let arrival = gate.arrival();
    let arrived = Instant::now();
    let before = busy();
    until("a while", || arrived.elapsed() >= Duration::from_millis(30));
    let after = busy();
    assert!(after >= before + Duration::from_millis(25), "{before:?}, then {after:?}");
    drop(arrival);
    handle.join().expect("the gate is open");
    let in_all = busy();
    assert!(in_all >= after, "{after:?}, then {in_all:?}");
    assert!(in_all <= before + begun.elapsed(), "no longer than the case has lasted");
    let idle_since = Instant::now();
    until("a while", || idle_since.elapsed() >= Duration::from_millis(20));
    assert_eq!(busy(), in_all, "an idle worker is not busy");
}

/// Writes the same byte wherever its worker's times may stand.
pub(crate) fn spoil(byte: u8) {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("/proc");
    let lane = maps.lines().find(|line| line.contains("/memfd:procpool-lane"));
    let start = lane.and_then(|line| line.split('-').next()).expect("the lane's mapping");
    let start = usize::from_str_radix(start, 16).expect("an address");
    for (from, to) in [(392, 512), (1024, 4096)] {
        let place = std::ptr::with_exposed_provenance_mut::<u8>(start + from);
        // SAFETY: the header of the lane is mapped there for writing, and these bytes of it are numbers only.
        unsafe { place.write_bytes(byte, to - from) };
    }
}

fn garbage_in_the_times_harms_nobody(method: StartMethod) {
    let pool = pool(method);
    let begun = Instant::now();
    for (round, byte) in (1..).zip([0xFF, 0x7F, 0x80, 0x01, 0x00, 0xFF]) {
        pool.call(spoil, byte).expect("it only writes numbers");
        assert!(pool.map(same, 0..100).all(|result| result.is_ok()));
        assert_eq!(counted(&pool), (round * 101, round * 101));
        let stats = pool.stats();
        let longest = begun.elapsed() + Duration::from_secs(60);
        assert!(stats.run.max <= longest, "{:?}", stats.run);
        assert!(stats.workers.iter().all(|worker| worker.busy <= longest), "{stats:?}");
    }
    let pids: Vec<u32> = pool.stats().workers.iter().map(|worker| worker.pid).collect();
    crate::observe::kill_9(pids[0]);
    until("it was replaced", || pool.stats().restarts == 1);
    assert!(pool.map(same, 0..100).all(|result| result.is_ok()));
    assert_eq!(counted(&pool).0, 6 * 101 + 100);
}
