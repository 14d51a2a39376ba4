//! Tasks that are run again, and pools that lose more than a worker.

use crate::gate::{self, EXIT, Gate, PANIC};
use crate::observe::{builder, children, kill_9, pool, raw, until, worker_pids};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procpool::{StartMethod, TaskError};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

crate::over_each_start_method![
    without_retries_a_death_is_final,
    a_task_is_run_again_after_a_death,
    a_task_that_kills_every_worker_ends,
    a_panic_is_never_run_again,
    a_pool_with_too_many_deaths_gives_up,
    kills_during_large_payloads,
    the_starter_of_workers_is_killed,
    a_stopped_worker_holds_up_only_its_own_task,
    an_idle_worker_that_is_stopped_holds_nothing_up,
];

fn without_retries_a_death_is_final(method: StartMethod) {
    let pool = pool(method);
    let gate = Gate::new();
    let handle = pool.submit(gate::pass, gate.name());
    gate.arrival().answer(EXIT);
    assert!(matches!(handle.join(), Err(TaskError::WorkerDied { .. })));
    drop(pool);
    assert!(gate.try_arrival().is_none(), "it was run again");
}

fn a_task_is_run_again_after_a_death(method: StartMethod) {
    let pool = builder(method).retries(2).build().expect("a pool");
    let gate = Gate::new();
    let handle = pool.submit(gate::pass, gate.name());
    let first = gate.arrival();
    let first_pid = first.pid;
    first.answer(EXIT);
    let second = gate.arrival();
    assert_ne!(second.pid, first_pid, "it runs in another worker");
    kill_9(second.pid);
    let third = gate.arrival();
    let third_pid = third.pid;
    drop(third);
    assert_eq!(handle.join().expect("the third run ends well"), third_pid);
    drop(pool);
    assert!(gate.try_arrival().is_none(), "a finished task was run again");
}

fn a_task_that_kills_every_worker_ends(method: StartMethod) {
    let pool = builder(method).retries(3).build().expect("a pool");
    let gate = Gate::new();
    let handle = pool.submit(gate::pass, gate.name());
    let neighbours: Vec<_> =
        (0..500).map(|n| pool.submit(gate::pass_if_any, (None, n))).collect();
    for _ in 0..4 {
        gate.arrival().answer(EXIT);
    }
    match handle.join() {
        Err(TaskError::WorkerDied { status, .. }) => {
            assert_eq!(status, procpool::ExitStatus::Exited(3));
        }
        other => panic!("{other:?}"),
    }
    for (n, neighbour) in (0..).zip(neighbours) {
        assert_eq!(neighbour.join().expect("a neighbour"), n);
    }
    drop(pool);
    assert!(gate.try_arrival().is_none(), "it was run more often than asked for");
}

fn a_panic_is_never_run_again(method: StartMethod) {
    let pool = builder(method).retries(5).build().expect("a pool");
    let gate = Gate::new();
    let handle = pool.submit(gate::pass, gate.name());
    gate.arrival().answer(PANIC);
    assert!(matches!(handle.join(), Err(TaskError::Panicked { .. })));
    drop(pool);
    assert!(gate.try_arrival().is_none(), "it was run again");
}

fn exit(code: i32) {
    std::process::exit(code);
}

fn a_pool_with_too_many_deaths_gives_up(method: StartMethod) {
    let pool =
        builder(method).restart_limit(3, Duration::from_secs(600)).build().expect("a pool");
    let begun = Instant::now();
    let mut died = 0;
    let cause = loop {
        match pool.call(exit, 5) {
            Err(TaskError::WorkerDied { .. }) => died += 1,
            Err(TaskError::PoolBroken { cause }) => break cause,
            other => panic!("{other:?}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{died} deaths and no end");
    };
    assert!((3..=6).contains(&died), "{died} tasks died with a limit of 3");
    assert!(!cause.is_empty() && !cause.contains('\n'), "{cause:?}");
    // It stays broken, for every verb, and nothing waits for ever.
    assert!(matches!(pool.call(exit, 0), Err(TaskError::PoolBroken { .. })));
    assert!(matches!(pool.submit(exit, 0).join(), Err(TaskError::PoolBroken { .. })));
    let results: Vec<_> = pool.map(exit, 0..3).collect();
    assert_eq!(results.len(), 3);
    assert!(results.iter().all(|result| matches!(result, Err(TaskError::PoolBroken { .. }))));
}

fn echo(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

/// A child may be reaped between a look at the list and the signal.
fn kill_if_there(pid: Option<u32>) {
    use nix::sys::signal::{Signal, kill};
    if let Some(pid) = pid.filter(|pid| children().contains(pid)) {
        let _ = kill(nix::unistd::Pid::from_raw(crate::observe::raw(pid)), Signal::SIGKILL);
    }
}

fn kills_during_large_payloads(method: StartMethod) {
    let pool = builder(method).retries(1_000).restart_limit(u32::MAX, Duration::from_secs(1));
    let pool = pool.build().expect("a pool");
    let pattern = |n: u8| -> Vec<u8> { (0..700_000_u32).map(|i| (i >> 3) as u8 ^ n).collect() };
    let starter = find_starter(&pool);
    let mut results = pool.map(echo, (0..60).map(pattern));
    for n in 0..60_u8 {
        if n % 4 == 0 {
            // Whatever they are doing: copying, running, or nothing.
            let mut workers = children().into_iter().filter(|pid| Some(*pid) != starter);
            kill_if_there(workers.nth(usize::from(n / 4 % 2)));
        }
        assert!(
            results.next().expect("one of 60").expect("a result") == pattern(n),
            "input {n}"
        );
    }
}

/// The forkserver, or the template of a fork: the child that is none of the workers.
fn find_starter(pool: &procpool::Pool) -> Option<u32> {
    let workers = worker_pids(pool, 2);
    let others: BTreeSet<u32> = children().difference(&workers).copied().collect();
    assert!(others.len() <= 1, "{others:?} are neither workers nor their starter");
    others.first().copied()
}

fn the_starter_of_workers_is_killed(method: StartMethod) {
    let pool = pool(method);
    let workers = worker_pids(&pool, 2);
    let Some(starter) = find_starter(&pool) else {
        assert_eq!(method, StartMethod::Spawn);
        return;
    };
    kill_9(starter);
    for n in 0..100 {
        assert_eq!(pool.call(gate::pass_if_any, (None, n)).expect("workers go on"), n);
    }
    assert_eq!(worker_pids(&pool, 2), workers);
    // A worker is to be replaced now.
    assert!(matches!(pool.call(exit, 3), Err(TaskError::WorkerDied { .. })));
    match method {
        StartMethod::Fork => {
            // What the program was at `build` is gone: nobody can be started as it was.
            until("the pool says so", || {
                matches!(
                    pool.call(gate::pass_if_any, (None, 1)),
                    Err(TaskError::PoolBroken { .. })
                )
            });
        }
        _ => assert_eq!(worker_pids(&pool, 2).intersection(&workers).count(), 1),
    }
}

fn a_stopped_worker_holds_up_only_its_own_task(method: StartMethod) {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    let pool = pool(method);
    let gate = Gate::new();
    let handle = pool.submit(gate::pass, gate.name());
    let arrival = gate.arrival();
    let stopped = Pid::from_raw(crate::observe::raw(arrival.pid));
    kill(stopped, Signal::SIGSTOP).expect("a worker");
    for n in 0..500 {
        assert_eq!(pool.call(gate::pass_if_any, (None, n)).expect("the other worker"), n);
    }
    assert!(!handle.is_finished());
    kill(stopped, Signal::SIGCONT).expect("a worker");
    let pid = arrival.pid;
    drop(arrival);
    assert_eq!(handle.join().expect("it was only stopped"), pid);
}

fn same(number: u32) -> u32 {
    number
}

fn an_idle_worker_that_is_stopped_holds_nothing_up(method: StartMethod) {
    let pool = pool(method);
    let stopped = Pid::from_raw(raw(*worker_pids(&pool, 2).first().expect("two workers")));
    kill(stopped, Signal::SIGSTOP).expect("a worker of this case");
    let handles: Vec<_> = (0..300).map(|number| pool.submit(same, number)).collect();
    for (number, handle) in (0..).zip(handles) {
        assert_eq!(handle.join().expect("it was not begun"), number);
    }
    for (number, result) in (0..).zip(pool.map(same, 0..3_000)) {
        assert_eq!(result.expect("it was not begun"), number);
    }
    kill(stopped, Signal::SIGCONT).expect("a worker of this case");
    assert!(
        worker_pids(&pool, 2).contains(&(stopped.as_raw().unsigned_abs())),
        "it works again"
    );
}
