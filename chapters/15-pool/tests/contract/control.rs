//! Influence on tasks and workers that are under way: abort, priority, waiting for several, size, counts.

use crate::gate::{self, Gate};
use crate::observe::{PATIENCE, pool, until, without_a_trace, worker_pids};
use procpool::{
    JoinHandle, Pool, PoolError, StartMethod, TaskError, as_completed, wait_all, wait_first,
};
use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

crate::over_each_start_method![
    a_running_task_is_aborted,
    a_waiting_task_is_aborted,
    what_is_done_cannot_be_aborted,
    another_thread_aborts_what_is_joined,
    a_higher_priority_starts_first,
    a_higher_priority_passes_what_was_sent_ahead,
    handles_in_the_order_of_their_end,
    waiting_for_the_first_and_for_all,
    a_pool_grows_and_shrinks,
    counts_agree_with_what_was_done,
];

fn double(x: u32) -> u32 {
    x * 2
}

fn a_running_task_is_aborted(method: StartMethod) {
    let pool = pool(method);
    let gate = Gate::new();
    let handle = pool.submit(gate::pass, gate.name());
    let arrival = gate.arrival();
    until("it is seen to run", || handle.is_running());
    assert!(handle.abort());
    assert!(matches!(handle.join(), Err(TaskError::Aborted)));
    until("its worker is gone", || !crate::observe::is_alive(arrival.pid));
    assert!(!worker_pids(&pool, 2).contains(&arrival.pid));
}

fn a_waiting_task_is_aborted(method: StartMethod) {
    let pool = pool(method);
    let (held, other) = (Gate::new(), Gate::new());
    let holding = [(); 2].map(|()| pool.submit(gate::pass, held.name()));
    let arrivals = [held.arrival(), held.arrival()];
    let handle = pool.submit(gate::pass, other.name());
    assert!(!handle.is_running());
    assert!(handle.abort());
    assert!(matches!(handle.join(), Err(TaskError::Aborted)));
    let pids: BTreeSet<u32> = arrivals.iter().map(|arrival| arrival.pid).collect();
    drop(arrivals);
    for handle in holding {
        handle.join().expect("nobody aborted it");
    }
    assert_eq!(worker_pids(&pool, 2), pids, "no worker was killed for it");
    drop(pool);
    assert!(other.try_arrival().is_none(), "an aborted task ran");
}

fn what_is_done_cannot_be_aborted(method: StartMethod) {
    let pool = pool(method);
    let handle = pool.submit(double, 4);
    until("the task is finished", || handle.is_finished());
    let control = handle.control();
    assert!(!handle.abort() && !control.abort() && !control.cancel() && control.is_finished());
    assert_eq!(control.id(), handle.id());
    assert_eq!(handle.join().expect("a result"), 8);
}

fn another_thread_aborts_what_is_joined(method: StartMethod) {
    let pool = pool(method);
    let gate = Gate::new();
    let handle = pool.submit(gate::pass, gate.name());
    let control = handle.control();
    let joining = thread::spawn(move || handle.join());
    let _arrival = gate.arrival();
    assert!(!control.is_finished() && !control.cancel());
    assert!(control.clone().abort());
    assert!(matches!(joining.join().expect("no panic"), Err(TaskError::Aborted)));
}

fn a_higher_priority_starts_first(method: StartMethod) {
    let pool = Pool::builder().workers(1).start_method(method).build().expect("a pool");
    let gate = Gate::new();
    let first = pool.submit(gate::pass, gate.name());
    let arrival = gate.arrival();
    let gates = [(); 4].map(|()| Gate::new());
    let priorities = [0, -5, 100, 0];
    let handles: Vec<JoinHandle<u32>> = gates
        .iter()
        .zip(priorities)
        .map(|(gate, priority)| pool.task(gate::pass).priority(priority).submit(gate.name()))
        .collect();
    drop(arrival);
    first.join().expect("the gate is open");
    for expected in [2, 0, 3, 1] {
        let arrival = gates[expected].arrival();
        // One worker runs one task: the others have not come.
        assert!(gates.iter().all(|gate| gate.try_arrival().is_none()));
        drop(arrival);
    }
    for handle in handles {
        handle.join().expect("the gate is open");
    }
}

fn a_higher_priority_passes_what_was_sent_ahead(method: StartMethod) {
    let pool = Pool::builder().workers(1).start_method(method).build().expect("a pool");
    // Short tasks: from now on many are sent ahead.
    for result in pool.map(double, 0..20_000) {
        result.expect("a number");
    }
    let gate = Gate::new();
    let first = pool.submit(gate::pass, gate.name());
    let arrival = gate.arrival();
    let names = [(); 3].map(|()| Gate::new());
    let low: Vec<_> = [0, 1]
        .map(|at: usize| pool.submit(gate::pass, names[at].name()))
        .into_iter()
        .chain([pool.task(gate::pass).priority(1).submit(names[2].name())])
        .collect();
    drop(arrival);
    first.join().expect("the gate is open");
    for expected in [2, 0, 1] {
        let arrival = names[expected].arrival();
        assert!(names.iter().all(|gate| gate.try_arrival().is_none()));
        drop(arrival);
    }
    for handle in low {
        handle.join().expect("the gate is open");
    }
}

fn handles_in_the_order_of_their_end(method: StartMethod) {
    let pool = pool(method);
    let gates = [(); 2].map(|()| Gate::new());
    let handles = gates.each_ref().map(|gate| pool.submit(gate::pass, gate.name()));
    let ids = handles.each_ref().map(JoinHandle::id);
    let arrivals = gates.each_ref().map(Gate::arrival);
    let mut ended = as_completed(handles);
    let [first, second] = arrivals;
    drop(second);
    assert_eq!(ended.next().expect("one of two").0, ids[1]);
    drop(first);
    let (id, result) = ended.next().expect("the other");
    assert_eq!(id, ids[0]);
    result.expect("a result");
    assert!(ended.next().is_none());
    let many = as_completed((0..2_000).map(|x| pool.submit(double, x)));
    let sum: u32 = many.map(|(_, result)| result.expect("a result")).sum();
    assert_eq!(sum, 1_999 * 2_000);
}

fn waiting_for_the_first_and_for_all(method: StartMethod) {
    let pool = pool(method);
    let gates = [(); 2].map(|()| Gate::new());
    let mut handles = gates.each_ref().map(|gate| pool.submit(gate::pass, gate.name()));
    let [first, second] = gates.each_ref().map(Gate::arrival);
    let moment = Some(Duration::from_millis(20));
    assert_eq!(wait_first(&mut handles, moment), None);
    assert!(!wait_all(&mut handles, moment));
    drop(second);
    assert_eq!(wait_first(&mut handles, Some(PATIENCE)), Some(1));
    assert!(!wait_all(&mut handles, moment));
    drop(first);
    assert!(wait_all(&mut handles, None));
    for handle in handles {
        handle.join().expect("a result");
    }
}

fn a_pool_grows_and_shrinks(method: StartMethod) {
    without_a_trace(|| {
        let pool = pool(method);
        for workers in [5, 1, 3, 2] {
            pool.scale_to(workers).expect("workers");
            assert_eq!(worker_pids(&pool, workers).len(), workers);
            for (x, result) in (0..).zip(pool.map(double, 0..1_000)) {
                assert_eq!(result.expect("a result"), x * 2);
            }
            until("the others have left", || pool.stats().workers.len() == workers);
        }
        assert!(matches!(pool.scale_to(0), Err(PoolError::Invalid { .. })));
    });
}

fn at_most(limit: u32) -> u32 {
    assert!(limit < 7, "too much");
    if limit == 6 { std::process::exit(3) } else { limit }
}

fn counts_agree_with_what_was_done(method: StartMethod) {
    let pool = pool(method);
    for limit in 0..10 {
        let _ = pool.call(at_most, limit);
    }
    let stats = pool.stats();
    assert_eq!((stats.submitted, stats.completed, stats.panicked, stats.died), (10, 6, 3, 1));
    assert_eq!((stats.cancelled, stats.aborted, stats.queued, stats.running), (0, 0, 0, 0));
    until("the dead one is replaced", || pool.stats().workers.len() == 2);
    assert_eq!(pool.stats().restarts, 1);
    let pids = worker_pids(&pool, 2);
    let stats = pool.stats();
    assert_eq!(stats.workers.iter().map(|worker| worker.pid).collect::<BTreeSet<u32>>(), pids);
}
