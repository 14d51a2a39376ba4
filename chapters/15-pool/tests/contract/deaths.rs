//! Workers that end while they run a task: exactly that task fails, and it says how.

use crate::gate::{self, Gate, pass_if_any};
use crate::observe::{builder, group_exists, is_alive, kill_9, pool, until, worker_pids};
use nix::sys::signal::{Signal, raise};
use procpool::{ExitStatus, StartMethod, TaskError};
use std::process::Command;

crate::over_each_start_method![
    a_worker_that_exits,
    a_worker_that_aborts,
    a_worker_that_is_killed,
    a_worker_that_faults,
    a_dead_worker_leaves_evidence,
    only_the_running_task_fails,
    deaths_in_a_map_are_items,
    a_task_that_waits_is_not_lost,
    a_dead_worker_is_replaced,
    a_killed_idle_worker_fails_no_task,
    children_of_a_task_go_with_its_worker,
];

fn end_by(how: u8) -> u8 {
    match how {
        0 => std::process::exit(0),
        3 => std::process::exit(3),
        6 => std::process::abort(),
        9 => raise(Signal::SIGKILL).expect("own signal"),
        11 => raise(Signal::SIGSEGV).expect("own signal"),
        15 => raise(Signal::SIGTERM).expect("own signal"),
        _ => {}
    }
    how
}

fn expect_death(result: Result<u8, TaskError>, expected: ExitStatus) {
    match result {
        Err(TaskError::WorkerDied { pid, status, .. }) => {
            assert!(pid > 0);
            match (status, expected) {
                // Whether a core file was written is the machine's affair.
                (
                    ExitStatus::Signaled { signal, .. },
                    ExitStatus::Signaled { signal: expected, .. },
                ) => assert_eq!(signal, expected),
                _ => assert_eq!(status, expected),
            }
        }
        other => panic!("{other:?}"),
    }
}

fn killed_by(signal: Signal) -> ExitStatus {
    ExitStatus::Signaled { signal: signal as i32, core_dumped: false }
}

fn a_worker_that_exits(method: StartMethod) {
    let pool = pool(method);
    expect_death(pool.call(end_by, 3), ExitStatus::Exited(3));
    // Success is no result either.
    expect_death(pool.call(end_by, 0), ExitStatus::Exited(0));
    assert_eq!(pool.call(end_by, 1).expect("a result"), 1);
}

fn a_worker_that_aborts(method: StartMethod) {
    let pool = pool(method);
    expect_death(pool.call(end_by, 6), killed_by(Signal::SIGABRT));
    assert_eq!(pool.call(end_by, 1).expect("a result"), 1);
}

fn a_worker_that_is_killed(method: StartMethod) {
    let pool = pool(method);
    expect_death(pool.call(end_by, 9), killed_by(Signal::SIGKILL));
    let gate = Gate::new();
    let handle = pool.submit(gate::pass, gate.name());
    let arrival = gate.arrival();
    kill_9(arrival.pid);
    match handle.join() {
        Err(TaskError::WorkerDied { pid, status, .. }) => {
            assert_eq!(pid, arrival.pid);
            assert!(matches!(status, ExitStatus::Signaled { signal: 9, .. }));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.call(end_by, 1).expect("a result"), 1);
}

fn a_worker_that_faults(method: StartMethod) {
    let pool = pool(method);
    expect_death(pool.call(end_by, 11), killed_by(Signal::SIGSEGV));
    expect_death(pool.call(end_by, 15), killed_by(Signal::SIGTERM));
    assert_eq!(pool.call(end_by, 1).expect("a result"), 1);
}

/// Uses some memory for a moment, then ends its worker.
fn use_and_end(how: u8) -> u8 {
    drop(std::hint::black_box(vec![1_u8; 48 << 20]));
    end_by(how)
}

fn a_dead_worker_leaves_evidence(method: StartMethod) {
    let pool = pool(method);
    let evidence = |how| match pool.call(use_and_end, how) {
        Err(TaskError::WorkerDied { evidence, .. }) => evidence,
        other => panic!("{other:?}"),
    };
    for how in [3, 6, 9] {
        let evidence = evidence(how);
        let most = evidence.max_rss_bytes.expect("what the kernel says of every process");
        assert!((48 << 20..16 << 30).contains(&most), "{most} bytes");
        let note = evidence.note.unwrap_or_default();
        assert_eq!(note.contains("not by the pool"), how == 9, "{note}");
        assert!(!note.contains('\n'), "{note}");
    }
}

fn only_the_running_task_fails(method: StartMethod) {
    let pool = pool(method);
    let handles: Vec<_> = (0..5_000_u32)
        .map(|n| pool.submit(end_by, if n % 1_000 == 500 { 9 } else { 200 }))
        .collect();
    for (n, handle) in handles.into_iter().enumerate() {
        match handle.join() {
            Ok(code) => assert!(n % 1_000 != 500 && code == 200),
            Err(TaskError::WorkerDied { .. }) => {
                assert_eq!(n % 1_000, 500, "a neighbour failed")
            }
            Err(other) => panic!("{other}"),
        }
    }
}

fn deaths_in_a_map_are_items(method: StartMethod) {
    let pool = pool(method);
    let inputs = (0..3_000).map(|n| if n % 600 == 300 { 3 } else { 100 });
    let failed: Vec<usize> = pool
        .map(end_by, inputs.clone())
        .enumerate()
        .filter_map(|(n, result)| result.is_err().then_some(n))
        .collect();
    assert_eq!(failed, [300, 900, 1_500, 2_100, 2_700]);
    let mut failed: Vec<usize> = pool
        .map_unordered(end_by, inputs)
        .filter_map(|(n, result)| result.is_err().then_some(n))
        .collect();
    failed.sort_unstable();
    assert_eq!(failed, [300, 900, 1_500, 2_100, 2_700]);
}

fn a_task_that_waits_is_not_lost(method: StartMethod) {
    let pool = pool(method);
    let gate = Gate::new();
    let held: Vec<_> = (0..2).map(|_| pool.submit(gate::pass, gate.name())).collect();
    let arrivals = [gate.arrival(), gate.arrival()];
    // More than the workers are sent ahead, so some of them wait in each place where tasks wait.
    let handles: Vec<_> = (0..10_000).map(|n| pool.submit(pass_if_any, (None, n))).collect();
    for arrival in &arrivals {
        kill_9(arrival.pid);
    }
    for (n, handle) in handles.into_iter().enumerate() {
        assert_eq!(handle.join().expect("it had not started") as usize, n);
    }
    for handle in held {
        assert!(matches!(handle.join(), Err(TaskError::WorkerDied { .. })));
    }
}

fn a_dead_worker_is_replaced(method: StartMethod) {
    let pool = pool(method);
    let mut before = worker_pids(&pool, 2);
    for _ in 0..5 {
        expect_death(pool.call(end_by, 9), killed_by(Signal::SIGKILL));
        // Two tasks run at once again, so there are two workers.
        let after = worker_pids(&pool, 2);
        assert_eq!(before.intersection(&after).count(), 1, "{before:?} became {after:?}");
        before = after;
    }
    // The program may have threads by now, whatever the start method.
    std::thread::scope(|scope| {
        scope.spawn(|| expect_death(pool.call(end_by, 3), ExitStatus::Exited(3)));
    });
    assert_ne!(worker_pids(&pool, 2), before);
}

fn a_killed_idle_worker_fails_no_task(method: StartMethod) {
    let pool = builder(method)
        .restart_limit(1_000, std::time::Duration::from_secs(1))
        .build()
        .expect("a pool");
    for _ in 0..10 {
        let pids = worker_pids(&pool, 2);
        for pid in &pids {
            kill_9(*pid);
        }
        // Whether the pool has noticed yet or not.
        for n in 0..20 {
            assert_eq!(pool.call(pass_if_any, (None, n)).expect("nothing was running"), n);
        }
    }
}

/// Leaves a process behind that runs for ten minutes. Returns the worker and that process.
#[expect(clippy::zombie_processes, reason = "the case looks at what becomes of it")]
fn leave_a_child(seconds: u32) -> (u32, u32) {
    let child =
        Command::new("sleep").arg(seconds.to_string()).spawn().expect("sleep is installed");
    (std::process::id(), child.id())
}

fn children_of_a_task_go_with_its_worker(method: StartMethod) {
    let pool = pool(method);
    let (worker, child) = pool.call(leave_a_child, 600).expect("a result");
    assert!(is_alive(child), "a task's children live on while its worker does");
    kill_9(worker);
    until("the child of a killed worker has gone", || !is_alive(child));
    let (_, child) = pool.call(leave_a_child, 601).expect("a result");
    let pids = worker_pids(&pool, 2);
    assert!(pids.iter().all(|pid| group_exists(*pid)), "each worker leads a group");
    drop(pool);
    until("the child of a worker that left has gone", || !is_alive(child));
}
