//! How a pool ends, and what is left: nothing.

use crate::gate::{self, Gate};
use crate::observe::{
    builder, children, descriptors, is_alive, pool, without_a_trace, worker_pids,
};
use procpool::{Pool, StartMethod, TaskError};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

crate::over_each_start_method![
    dropped_it_leaves_nothing,
    dropped_it_runs_what_it_accepted,
    dropped_by_a_panic_it_kills,
    dropped_with_busy_and_dead_workers,
    descriptors_of_the_program,
    descriptors_of_a_worker,
    no_descriptor_for_a_task,
    idle_it_uses_no_time,
];

fn dropped_it_leaves_nothing(method: StartMethod) {
    without_a_trace(|| {
        let pool = pool(method);
        let pids = worker_pids(&pool, 2);
        let all = children();
        assert!(all.is_superset(&pids), "workers are children of the program");
        drop(pool);
        assert!(all.iter().all(|pid| !is_alive(*pid)));
    });
}

pub(crate) fn pause(milliseconds: u64) -> u64 {
    thread::sleep(Duration::from_millis(milliseconds));
    milliseconds
}

fn dropped_it_runs_what_it_accepted(method: StartMethod) {
    without_a_trace(|| {
        let pool = pool(method);
        let handles: Vec<_> = (0..40).map(|n| pool.submit(pause, n % 3)).collect();
        drop(pool);
        for (n, handle) in (0..).zip(handles) {
            assert!(handle.is_finished());
            assert_eq!(handle.join().expect("it was accepted"), n % 3);
        }
    });
}

fn dropped_by_a_panic_it_kills(method: StartMethod) {
    without_a_trace(|| {
        let gate = Gate::new();
        let (mut handles, mut arrivals) = (Vec::new(), Vec::new());
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let pool = pool(method);
            handles.extend((0..10).map(|_| pool.submit(gate::pass, gate.name())));
            // They outlive the pool: one that waited for these two tasks would wait for ever.
            arrivals.extend([gate.arrival(), gate.arrival()]);
            panic!("on the way out");
        }));
        assert!(caught.is_err());
        let aborted = handles
            .into_iter()
            .map(|handle| handle.join())
            .filter(|result| matches!(result, Err(TaskError::Aborted)))
            .count();
        assert_eq!(aborted, 2, "two tasks were running");
    });
}

fn dropped_with_busy_and_dead_workers(method: StartMethod) {
    without_a_trace(|| {
        let pool = builder(method).workers(4).build().expect("a pool");
        let gate = Gate::new();
        let handles: Vec<_> = (0..4).map(|_| pool.submit(gate::pass, gate.name())).collect();
        let mut arrivals: Vec<_> = handles.iter().map(|_| gate.arrival()).collect();
        for arrival in arrivals.drain(..2) {
            crate::observe::kill_9(arrival.pid);
        }
        drop(arrivals);
        drop(pool);
        let died = handles.into_iter().filter_map(|handle| handle.join().err()).count();
        assert_eq!(died, 2);
    });
}

fn descriptors_of_the_program(method: StartMethod) {
    let own = || descriptors(std::process::id()).len();
    let before = own();
    let count_with = |workers: usize| {
        let pool =
            Pool::builder().workers(workers).start_method(method).build().expect("a pool");
        worker_pids(&pool, workers);
        let count = own() - before;
        assert!(count <= 4 * workers + 8, "{count} descriptors for {workers} workers");
    };
    count_with(1);
    count_with(8);
    assert_eq!(own(), before);
}

fn descriptors_of_a_worker(method: StartMethod) {
    // One that exec would not close, and that nobody asked to hand on.
    let (reader, writer) = nix::unistd::pipe().expect("a pipe");
    let pipe = descriptors(std::process::id()).into_iter().map(|(_, target, _)| target);
    let pipe: BTreeSet<String> = pipe.filter(|target| target.starts_with("pipe:")).collect();
    let pool = pool(method);
    let pids = worker_pids(&pool, 2);
    let lists: Vec<_> = pids.iter().map(|pid| descriptors(*pid)).collect();
    for list in &lists {
        let numbers: Vec<i32> = list.iter().take(3).map(|(number, ..)| *number).collect();
        assert_eq!(numbers, [0, 1, 2]);
        assert_eq!(list[0].1, "/dev/null", "standard input");
        if method == StartMethod::Fork {
            // It inherits what the program had open, and that alone.
            assert!(list.len() <= 3 + 2 + 4, "{list:?}");
        } else {
            assert!(
                list.iter().skip(3).all(|(_, target, _)| !pipe.contains(target)),
                "{list:?}"
            );
            assert!(list.len() <= 3 + 4, "{list:?}");
        }
    }
    // What two workers have alike is what all have alike: a sibling's socket is not among it.
    let sockets = |list: &Vec<(i32, String, u64)>| -> BTreeSet<String> {
        let targets = list.iter().skip(3).map(|(_, target, _)| target.clone());
        targets.filter(|target| target.starts_with("socket:")).collect()
    };
    assert!(sockets(&lists[0]).is_disjoint(&sockets(&lists[1])), "{lists:?}");
    // A worker that came later has no more than the first ones.
    let gone = *pids.first().expect("two");
    crate::observe::kill_9(gone);
    for pid in worker_pids(&pool, 2) {
        let list = descriptors(pid);
        assert_eq!(list.len(), lists[0].len(), "{list:?} beside {:?}", lists[0]);
    }
    drop((reader, writer));
}

fn no_descriptor_for_a_task(method: StartMethod) {
    let pool = pool(method);
    let gate = Gate::new();
    let _running: Vec<_> = (0..2).map(|_| pool.submit(gate::pass, gate.name())).collect();
    let arrivals = [gate.arrival(), gate.arrival()];
    let before = descriptors(std::process::id()).len();
    let handles: Vec<_> = (0..20_000).map(|_| pool.submit(pause, 0)).collect();
    assert_eq!(descriptors(std::process::id()).len(), before);
    drop(arrivals);
    for handle in handles {
        handle.join().expect("a result");
    }
    assert_eq!(descriptors(std::process::id()).len(), before - 2, "only the gate's are gone");
}

/// Voluntary and other switches of all threads of a process: how often each of them was given a processor.
fn turns(pid: u32) -> u64 {
    let folder = format!("/proc/{pid}/task");
    let threads = std::fs::read_dir(folder).expect("/proc").flatten();
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("status")).ok())
        .flat_map(|status| {
            let lines = status.lines().filter(|line| line.contains("voluntary_ctxt_switches"));
            lines
                .filter_map(|line| line.split_whitespace().last()?.parse().ok())
                .collect::<Vec<u64>>()
        })
        .sum()
}

fn idle_it_uses_no_time(method: StartMethod) {
    let pool = pool(method);
    let pids = worker_pids(&pool, 2);
    let all: Vec<u32> = children().into_iter().collect();
    let ends_at = Instant::now() + Duration::from_secs(60);
    // Soon after its last task nothing of the pool runs any more; a loop that wakes now and then never comes to this.
    loop {
        let before: Vec<u64> = all.iter().map(|pid| turns(*pid)).collect();
        thread::sleep(Duration::from_millis(300));
        let after: Vec<u64> = all.iter().map(|pid| turns(*pid)).collect();
        if before == after {
            break;
        }
        assert!(
            Instant::now() < ends_at,
            "the workers keep running: {before:?}, then {after:?}"
        );
    }
    assert_eq!(worker_pids(&pool, 2), pids);
}
