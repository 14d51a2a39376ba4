//! Tasks that run for longer than they may: they end `TimedOut`, and nobody else is concerned.

use crate::gate::{self, Gate, pass_if_any};
use crate::observe::{builder, is_alive, pool, until, worker_pids};
use nix::sys::signal::{Signal, raise};
use procpool::{Pool, PoolError, Shutdown, StartMethod, TaskError};
use std::fs::{self, OpenOptions};
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

crate::over_each_start_method![
    a_task_over_its_limit_ends,
    an_endless_loop_ends,
    a_stopped_worker_ends,
    each_verb_keeps_to_the_limit,
    waiting_does_not_count,
    tasks_behind_it_go_elsewhere,
    a_limit_is_no_reason_to_run_again,
    each_run_has_the_whole_limit,
    limits_do_not_break_the_pool,
    quick_tasks_never_time_out,
    the_default_and_its_exception,
    limits_while_the_pool_grows_and_shrinks,
    a_shutdown_waits_no_longer_than_the_limit,
    a_false_clock_helps_no_worker,
    a_limit_of_zero_is_refused,
];

/// Short enough to wait for.
const SHORT: Duration = Duration::from_millis(60);
/// Longer than any case.
const LONG: Duration = Duration::from_secs(3_600);

fn expect_timeout<R: std::fmt::Debug>(result: Result<R, TaskError>, limit: Duration) {
    match result {
        Err(TaskError::TimedOut { after, .. }) => {
            assert!(after >= limit && after < LONG, "{after:?} with a limit of {limit:?}");
        }
        other => panic!("{other:?}"),
    }
}

fn a_task_over_its_limit_ends(method: StartMethod) {
    let pool = pool(method);
    let gate = Gate::new();
    let begun = Instant::now();
    let handle = pool.task(gate::pass).timeout(SHORT).submit(gate.name());
    let arrival = gate.arrival();
    let result = handle.join();
    assert!(begun.elapsed() >= SHORT);
    assert!(!is_alive(arrival.pid), "who is told so can rely on it: the task runs no more");
    let line = result.as_ref().expect_err("it never ended").to_string();
    assert!(line.contains("timeout") && !line.contains('\n'), "{line}");
    expect_timeout(result, SHORT);
    let stats = pool.stats();
    assert_eq!((stats.timed_out, stats.died, stats.aborted, stats.submitted), (1, 0, 0, 1));
    assert!(!worker_pids(&pool, 2).contains(&arrival.pid), "another worker took its place");
    assert_eq!(pool.stats().restarts, 1);
}

fn loop_for_ever(_: ()) {
    loop {
        black_box(());
    }
}

fn an_endless_loop_ends(method: StartMethod) {
    let pool = builder(method).task_timeout(SHORT).build().expect("a pool");
    for _ in 0..3 {
        expect_timeout(pool.call(loop_for_ever, ()), SHORT);
    }
    assert_eq!(pool.stats().timed_out, 3);
}

fn stop(_: ()) {
    raise(Signal::SIGSTOP).expect("own signal");
}

fn a_stopped_worker_ends(method: StartMethod) {
    let pool = pool(method);
    expect_timeout(pool.task(stop).timeout(SHORT).call(()), SHORT);
    worker_pids(&pool, 2);
}

fn each_verb_keeps_to_the_limit(method: StartMethod) {
    let pool = pool(method);
    let gate = Gate::new();
    let input = |n: u32| ((n % 40 == 20).then(|| gate.name()), n);
    let limited = || pool.task(pass_if_any).timeout(SHORT);
    for (n, result) in (0..).zip(limited().map((0..120).map(input))) {
        match result {
            Ok(number) => assert!(number == n && n % 40 != 20),
            late if n % 40 == 20 => expect_timeout(late, SHORT),
            other => panic!("{n}: {other:?}"),
        }
    }
    let mut seen = 0;
    for (n, result) in limited().map_unordered((0..120).map(input)) {
        seen += 1;
        match result {
            Ok(number) => assert!(number as usize == n && n % 40 != 20),
            late if n % 40 == 20 => expect_timeout(late, SHORT),
            other => panic!("{n}: {other:?}"),
        }
    }
    assert_eq!(seen, 120);
    expect_timeout(limited().call(input(20)), SHORT);
    let tried = limited().try_submit(input(20)).expect("room");
    expect_timeout(tried.join(), SHORT);
    let stats = pool.stats();
    assert_eq!((stats.timed_out, stats.completed, stats.submitted), (8, 234, 242));
}

/// One worker, so that whatever is submitted waits behind the first.
fn one_worker(method: StartMethod) -> Pool {
    Pool::builder().workers(1).start_method(method).build().expect("a pool")
}

fn waiting_does_not_count(method: StartMethod) {
    let pool = one_worker(method);
    // Short tasks first, so that the pool sends several at once and some wait in the ring.
    let warm: u32 = pool
        .map(pass_if_any, (0..200).map(|n| (None, n)))
        .map(|result| result.expect("a result"))
        .sum();
    assert_eq!(warm, 199 * 100);
    let gate = Gate::new();
    let first = pool.submit(gate::pass, gate.name());
    let arrival = gate.arrival();
    let limit = Duration::from_secs(2);
    let waiting: Vec<_> =
        (0..100).map(|n| pool.task(pass_if_any).timeout(limit).submit((None, n))).collect();
    let begun = Instant::now();
    until("they have waited for longer than they may run", || begun.elapsed() > 2 * limit);
    drop(arrival);
    first.join().expect("it has no limit");
    for (n, handle) in (0..).zip(waiting) {
        assert_eq!(handle.join().expect("it ran for a moment"), n);
    }
}

fn tasks_behind_it_go_elsewhere(method: StartMethod) {
    let pool = one_worker(method);
    let gate = Gate::new();
    let late = pool.task(gate::pass).timeout(SHORT).submit(gate.name());
    let behind: Vec<_> = (0..500).map(|n| pool.submit(pass_if_any, (None, n))).collect();
    let arrival = gate.arrival();
    expect_timeout(late.join(), SHORT);
    for (n, handle) in (0..).zip(behind) {
        assert_eq!(handle.join().expect("it was only behind"), n);
    }
    assert!(!is_alive(arrival.pid));
    assert_eq!(pool.stats().timed_out, 1);
}

fn a_limit_is_no_reason_to_run_again(method: StartMethod) {
    let pool = builder(method).retries(5).build().expect("a pool");
    let gate = Gate::new();
    let handle = pool.task(gate::pass).timeout(SHORT).submit(gate.name());
    let _arrival = gate.arrival();
    expect_timeout(handle.join(), SHORT);
    drop(pool);
    assert!(gate.try_arrival().is_none(), "it was run again");
}

fn each_run_has_the_whole_limit(method: StartMethod) {
    let pool = builder(method).retries(2).build().expect("a pool");
    let gate = Gate::new();
    let limit = Duration::from_secs(4);
    let handle = pool.task(gate::pass).timeout(limit).submit(gate.name());
    let begun = Instant::now();
    for _ in 0..2 {
        let arrival = gate.arrival();
        let run = Instant::now();
        until("more than a third of the limit is over", || run.elapsed() > limit * 3 / 8);
        arrival.answer(gate::EXIT);
    }
    let arrival = gate.arrival();
    until("the first run would be over its limit", || begun.elapsed() > limit);
    drop(arrival);
    handle.join().expect("no run was over the limit");
}

fn limits_do_not_break_the_pool(method: StartMethod) {
    // Not one worker may die by itself.
    let pool = builder(method).restart_limit(0, LONG).build().expect("a pool");
    let gate = Gate::new();
    let handles: Vec<_> = (0..8)
        .map(|_| pool.task(gate::pass).timeout(Duration::from_millis(5)).submit(gate.name()))
        .collect();
    for handle in handles {
        expect_timeout(handle.join(), Duration::from_millis(5));
    }
    worker_pids(&pool, 2);
    let stats = pool.stats();
    assert_eq!((stats.timed_out, stats.restarts), (8, 8));
}

fn quick_tasks_never_time_out(method: StartMethod) {
    let limit = Duration::from_secs(1);
    let pool = builder(method).task_timeout(limit).build().expect("a pool");
    let begun = Instant::now();
    let mut rounds = 0;
    // For longer than the limit: the supervisor has to look at tasks that have just begun.
    while rounds < 10 || begun.elapsed() < 3 * limit {
        for (n, result) in (0..).zip(pool.map(pass_if_any, (0..1_000).map(|n| (None, n)))) {
            assert_eq!(result.expect("a quick task"), n);
        }
        assert_eq!(pool.call(pass_if_any, (None, 7)).expect("a quick task"), 7);
        rounds += 1;
    }
    let stats = pool.stats();
    assert_eq!((stats.timed_out, stats.restarts), (0, 0));
    assert!(stats.completed >= 10_000);
}

fn the_default_and_its_exception(method: StartMethod) {
    let pool = builder(method).task_timeout(SHORT).build().expect("a pool");
    let gate = Gate::new();
    let patient = pool.task(gate::pass).timeout(LONG).submit(gate.name());
    let arrival = gate.arrival();
    let hasty = pool.submit(gate::pass, gate.name());
    let _other = gate.arrival();
    expect_timeout(hasty.join(), SHORT);
    assert!(!patient.is_finished());
    let pid = arrival.pid;
    drop(arrival);
    assert_eq!(patient.join().expect("it has another limit"), pid);
}

fn limits_while_the_pool_grows_and_shrinks(method: StartMethod) {
    let pool = pool(method);
    let gate = Gate::new();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut sizes = [4, 1, 3, 2].into_iter().cycle();
            while !over.load(Ordering::Relaxed) {
                pool.scale_to(sizes.next().expect("endless")).expect("workers");
            }
            pool.scale_to(2).expect("workers");
        });
        for round in 0..15 {
            let limit = Duration::from_millis(10);
            let late: Vec<_> = (0..3)
                .map(|_| pool.task(gate::pass).timeout(limit).submit(gate.name()))
                .collect();
            for (n, result) in (0..).zip(pool.map(pass_if_any, (0..50).map(|n| (None, n)))) {
                assert_eq!(result.expect("it has no limit"), n, "round {round}");
            }
            for handle in late {
                expect_timeout(handle.join(), limit);
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    assert_eq!(pool.stats().timed_out, 45);
    until("the pool has its size", || pool.stats().workers.len() == 2);
    worker_pids(&pool, 2);
}

fn a_shutdown_waits_no_longer_than_the_limit(method: StartMethod) {
    let pool = one_worker(method);
    let gate = Gate::new();
    let late = pool.task(gate::pass).timeout(SHORT).submit(gate.name());
    let _arrival = gate.arrival();
    let behind = pool.submit(pass_if_any, (None, 3));
    let summary = pool.shutdown(Shutdown::Finish, None).expect("an end in good order");
    expect_timeout(late.join(), SHORT);
    assert_eq!(behind.join().expect("it was accepted"), 3);
    assert_eq!((summary.finished, summary.escalated_to), (2, None));
}

/// Where the worker says when its task began, in the segment that it shares with the program.
const STARTED_AT: u64 = 392;

/// Writes another time to where the worker says when its task began, and goes on for ever.
fn lie(began_ns: u64) {
    let maps = fs::read_to_string("/proc/self/maps").expect("/proc");
    let memory = OpenOptions::new().write(true).open("/proc/self/mem").expect("own memory");
    let mut lanes = 0;
    for line in maps.lines().filter(|line| line.contains("procpool-lane")) {
        let start = line.split('-').next().expect("an address");
        let start = u64::from_str_radix(start, 16).expect("an address");
        memory.write_all_at(&began_ns.to_ne_bytes(), start + STARTED_AT).expect("own memory");
        lanes += 1;
    }
    assert!(lanes > 0, "the segment has another name");
    loop_for_ever(());
}

fn a_false_clock_helps_no_worker(method: StartMethod) {
    let pool = pool(method);
    let built = Instant::now();
    for began_ns in [u64::MAX, 0] {
        let limit = Duration::from_millis(200);
        let begun = Instant::now();
        match pool.task(lie).timeout(limit).call(began_ns) {
            Err(TaskError::TimedOut { after, .. }) => {
                assert!(after <= built.elapsed() + Duration::from_secs(1), "{after:?}");
            }
            other => panic!("{other:?}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
    worker_pids(&pool, 2);
}

fn a_limit_of_zero_is_refused(method: StartMethod) {
    match builder(method).task_timeout(Duration::ZERO).build() {
        Err(PoolError::Invalid { option, .. }) => assert_eq!(option, "task_timeout"),
        other => panic!("{other:?}"),
    }
}
