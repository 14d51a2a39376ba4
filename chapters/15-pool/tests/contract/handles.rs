//! `JoinHandle`: waiting, looking, cancelling, awaiting.

use crate::gate::{self, Gate};
use crate::observe::{PATIENCE, builder, pool, until};
use procpool::{JoinHandle, StartMethod, SubmitError, TaskError};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

crate::over_each_start_method![
    join_with_a_limit_gives_the_handle_back,
    a_handle_tells_whether_it_is_finished,
    cancelled_before_the_start_it_never_runs,
    what_runs_or_is_done_cannot_be_cancelled,
    cancelling_half_of_many,
    cancelled_at_once_over_and_over,
    a_handle_is_a_future,
    a_future_wakes_the_last_who_asked,
    a_dropped_handle_lets_its_task_run,
    a_handle_goes_to_another_thread,
    a_handle_outlives_its_pool,
    every_task_has_its_own_number,
    a_full_queue_gives_the_argument_back,
    a_full_queue_blocks_submit,
];

fn length(word: String) -> usize {
    word.len()
}

fn join_with_a_limit_gives_the_handle_back(method: StartMethod) {
    let pool = pool(method);
    let gate = Gate::new();
    let handle = pool.submit(gate::pass, gate.name());
    let arrival = gate.arrival();
    let begun = Instant::now();
    let handle =
        handle.join_timeout(Duration::from_millis(30)).expect_err("it stands at the gate");
    assert!(begun.elapsed() >= Duration::from_millis(30));
    let handle = handle.join_timeout(Duration::ZERO).expect_err("it stands at the gate");
    let pid = arrival.pid;
    drop(arrival);
    let result = handle.join_timeout(PATIENCE).expect("the gate is open");
    assert_eq!(result.expect("a result"), pid);
}

fn a_handle_tells_whether_it_is_finished(method: StartMethod) {
    let pool = pool(method);
    let gate = Gate::new();
    let handle = pool.submit(gate::pass, gate.name());
    let arrival = gate.arrival();
    assert!(!handle.is_finished());
    drop(arrival);
    // Nobody joins: the result must arrive all the same.
    until("the task is finished", || handle.is_finished());
    handle.join().expect("a result");
}

/// Both workers at a gate, so that whatever is submitted next waits.
fn hold_both(pool: &procpool::Pool, gate: &Gate) -> (Vec<JoinHandle<u32>>, Vec<gate::Arrival>) {
    let handles = (0..2).map(|_| pool.submit(gate::pass, gate.name())).collect();
    (handles, (0..2).map(|_| gate.arrival()).collect())
}

fn cancelled_before_the_start_it_never_runs(method: StartMethod) {
    let pool = pool(method);
    let (held, other) = (Gate::new(), Gate::new());
    let (holding, arrivals) = hold_both(&pool, &held);
    let handle = pool.submit(gate::pass, other.name());
    assert!(handle.cancel());
    assert!(handle.is_finished());
    // It stays so, and asking again changes nothing.
    handle.cancel();
    assert!(matches!(handle.join(), Err(TaskError::Cancelled)));
    drop(arrivals);
    for handle in holding {
        handle.join().expect("the gate is open");
    }
    drop(pool);
    assert!(other.try_arrival().is_none(), "a cancelled task ran");
}

fn what_runs_or_is_done_cannot_be_cancelled(method: StartMethod) {
    let pool = pool(method);
    let gate = Gate::new();
    let running = pool.submit(gate::pass, gate.name());
    let arrival = gate.arrival();
    assert!(!running.cancel());
    drop(arrival);
    running.join().expect("a result");
    let done = pool.submit(length, "four".to_owned());
    until("the task is finished", || done.is_finished());
    assert!(!done.cancel());
    assert_eq!(done.join().expect("a result"), 4);
}

fn cancelling_half_of_many(method: StartMethod) {
    let pool = pool(method);
    let gate = Gate::new();
    let (_holding, arrivals) = hold_both(&pool, &gate);
    // More than fit into what a worker is sent ahead.
    let handles: Vec<_> =
        (0..20_000_usize).map(|n| (n, pool.submit(length, "x".repeat(n % 64)))).collect();
    for (n, handle) in &handles {
        assert!(n % 2 == 0 || handle.cancel(), "task {n} has not started");
    }
    drop(arrivals);
    for (n, handle) in handles {
        match handle.join() {
            Ok(length) => assert!(n % 2 == 0 && length == n % 64),
            Err(TaskError::Cancelled) => assert!(n % 2 == 1),
            Err(other) => panic!("{other}"),
        }
    }
}

fn cancelled_at_once_over_and_over(method: StartMethod) {
    let pool = pool(method);
    for round in 0..2_000 {
        // Whether it was sent to a worker by now, and whether that has begun it, differs from round to round.
        let handles = [(); 3].map(|()| pool.submit(length, "word".to_owned()));
        for handle in handles {
            let cancelled = handle.cancel();
            match handle.join() {
                Ok(length) => assert!(!cancelled && length == 4),
                Err(TaskError::Cancelled) => assert!(cancelled),
                Err(other) => panic!("{other}"),
            }
        }
        if round % 10 == 0 {
            assert_eq!(pool.call(length, "four".to_owned()).expect("a result"), 4);
        }
    }
}

/// Wakes the thread that waits for a future. No runtime is needed for more.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let ends_at = Instant::now() + PATIENCE;
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let left = ends_at.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "nobody woke the future");
        thread::park_timeout(left);
    }
}

fn a_handle_is_a_future(method: StartMethod) {
    let pool = pool(method);
    let sum = block_on(async {
        let (first, second) =
            (pool.submit(length, "one".to_owned()), pool.submit(length, "three".to_owned()));
        first.await.expect("a result") + second.await.expect("a result")
    });
    assert_eq!(sum, 8);
    for n in 0..500 {
        assert_eq!(block_on(pool.submit(length, "x".repeat(n))).expect("a result"), n);
    }
    let gate = Gate::new();
    let handle = pool.submit(gate::pass, gate.name());
    let arrival = gate.arrival();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| block_on(handle));
        // However far the other thread is by now, it must hear of the end.
        drop(arrival);
        waiting.join().expect("no panic").expect("a result");
    });
}

fn a_future_wakes_the_last_who_asked(method: StartMethod) {
    struct Flag(std::sync::atomic::AtomicBool);
    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, std::sync::atomic::Ordering::SeqCst);
        }
    }
    let pool = pool(method);
    let gate = Gate::new();
    let mut handle = pool.submit(gate::pass, gate.name());
    let arrival = gate.arrival();
    let flags = [(); 3].map(|()| Arc::new(Flag(false.into())));
    for flag in &flags {
        let waker = Waker::from(Arc::clone(flag));
        let polled = pin!(&mut handle).poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    drop(arrival);
    until("the last waker is woken", || flags[2].0.load(std::sync::atomic::Ordering::SeqCst));
    handle.join().expect("a result");
}

fn a_dropped_handle_lets_its_task_run(method: StartMethod) {
    let pool = pool(method);
    let gate = Gate::new();
    for _ in 0..20 {
        drop(pool.submit(gate::pass, gate.name()));
    }
    for _ in 0..20 {
        drop(gate.arrival());
    }
}

fn a_handle_goes_to_another_thread(method: StartMethod) {
    let pool = pool(method);
    let gate = Gate::new();
    let handle = pool.submit(gate::pass, gate.name());
    let joining = thread::spawn(move || handle.join());
    let arrival = gate.arrival();
    let pid = arrival.pid;
    drop(arrival);
    assert_eq!(joining.join().expect("no panic").expect("a result"), pid);
}

fn a_handle_outlives_its_pool(method: StartMethod) {
    let pool = pool(method);
    let handles: Vec<_> = (0..100).map(|n| (n, pool.submit(length, "x".repeat(n)))).collect();
    // Runs what was accepted.
    drop(pool);
    for (n, handle) in handles {
        assert!(handle.is_finished());
        assert_eq!(handle.join().expect("it was accepted"), n);
    }
}

fn every_task_has_its_own_number(method: StartMethod) {
    let pool = pool(method);
    let handles: Vec<_> = (0..1_000).map(|_| pool.submit(length, String::new())).collect();
    let numbers: std::collections::HashSet<_> = handles.iter().map(JoinHandle::id).collect();
    assert_eq!(numbers.len(), 1_000);
    assert!(!format!("{:?}", handles[0]).is_empty());
}

fn a_full_queue_gives_the_argument_back(method: StartMethod) {
    let pool = builder(method).queue_limit(5).build().expect("a pool");
    let gate = Gate::new();
    let (_holding, arrivals) = hold_both(&pool, &gate);
    let handles: Vec<_> =
        (0..5).map(|_| pool.try_submit(length, "in".to_owned()).expect("room")).collect();
    match pool.try_submit(length, "out".to_owned()) {
        Err(SubmitError::Full(word)) => assert_eq!(word, "out"),
        other => panic!("{other:?}"),
    }
    assert!(handles[0].cancel());
    // A cancelled task makes room.
    let late = pool.try_submit(length, "late".to_owned()).expect("room");
    drop(arrivals);
    assert_eq!(late.join().expect("a result"), 4);
    for handle in handles.into_iter().skip(1) {
        assert_eq!(handle.join().expect("a result"), 2);
    }
}

fn a_full_queue_blocks_submit(method: StartMethod) {
    let pool = builder(method).queue_limit(3).build().expect("a pool");
    let gate = Gate::new();
    let (_holding, arrivals) = hold_both(&pool, &gate);
    thread::scope(|scope| {
        let submitting = scope.spawn(|| {
            let handles: Vec<_> =
                (0..1_000).map(|n| pool.submit(length, "x".repeat(n % 9))).collect();
            for (n, handle) in handles.into_iter().enumerate() {
                assert_eq!(handle.join().expect("a result"), n % 9);
            }
        });
        thread::sleep(Duration::from_millis(20));
        assert!(!submitting.is_finished(), "997 tasks more than the limit were accepted");
        drop(arrivals);
        submitting.join().expect("no panic");
    });
}
