//! What runs when a task has ended: `on_done`, wakers of futures, and what they may do.

use crate::gate::{self, Gate};
use crate::observe::{PATIENCE, builder, pool, until, without_a_trace};
use procpool::{
    JoinHandle, Pool, Shutdown, StartMethod, TaskError, as_completed, wait_all, wait_first,
};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

crate::over_each_start_method![
    callbacks_have_run_when_join_returns,
    a_callback_sees_every_kind_of_end,
    a_callback_on_what_is_done_runs_at_once,
    a_panicking_callback_harms_nothing,
    a_callback_may_submit_and_wait,
    a_callback_may_drop_the_pool,
    a_waker_may_drop_the_pool,
    a_callback_may_end_the_pool,
    shutdown_waits_for_callbacks,
    ten_thousand_as_they_finish,
    the_first_of_two_pools,
];

fn double(x: u32) -> u32 {
    x * 2
}

fn fail(_: u32) -> u32 {
    panic!("as it should")
}

fn die(_: u32) -> u32 {
    std::process::abort()
}

type Log = Arc<Mutex<Vec<String>>>;

fn note<R: procpool::Message + std::fmt::Debug>(handle: &JoinHandle<R>, log: &Log, name: &str) {
    let (log, name) = (Arc::clone(log), name.to_owned());
    handle.on_done(move |result| {
        let said = match result {
            Ok(value) => format!("{name}: {value:?}"),
            Err(error) => format!("{name}: {error}"),
        };
        log.lock().expect("nobody panics here").push(said);
    });
}

fn callbacks_have_run_when_join_returns(method: StartMethod) {
    let pool = pool(method);
    for round in 0..200 {
        let log = Log::default();
        let handle = pool.submit(double, round);
        note(&handle, &log, "first");
        note(&handle, &log, "second");
        assert_eq!(handle.join().expect("a number"), round * 2);
        let expected = [format!("first: {}", round * 2), format!("second: {}", round * 2)];
        assert_eq!(*log.lock().expect("nobody panics here"), expected);
    }
}

fn a_callback_sees_every_kind_of_end(method: StartMethod) {
    let pool = builder(method).workers(1).build().expect("a pool");
    let log = Log::default();
    let failing = pool.submit(fail, 1);
    note(&failing, &log, "failing");
    assert!(matches!(failing.join(), Err(TaskError::Panicked { .. })));
    let dying = pool.submit(die, 1);
    note(&dying, &log, "dying");
    assert!(matches!(dying.join(), Err(TaskError::WorkerDied { .. })));
    let gate = Gate::new();
    let held = pool.submit(gate::pass, gate.name());
    let arrival = gate.arrival();
    let cancelled = pool.submit(double, 1);
    note(&cancelled, &log, "cancelled");
    assert!(cancelled.cancel());
    assert!(matches!(cancelled.join(), Err(TaskError::Cancelled)));
    note(&held, &log, "held");
    assert!(held.abort());
    assert!(matches!(held.join(), Err(TaskError::Aborted)));
    drop(arrival);
    pool.shutdown(Shutdown::Finish, None).expect("its end");
    let refused = pool.submit(double, 1);
    note(&refused, &log, "refused");
    assert!(matches!(refused.join(), Err(TaskError::PoolClosed)));
    let log = log.lock().expect("nobody panics here");
    let names: Vec<&str> = log.iter().filter_map(|said| said.split(':').next()).collect();
    assert_eq!(names, ["failing", "dying", "cancelled", "held", "refused"], "{log:?}");
}

fn a_callback_on_what_is_done_runs_at_once(method: StartMethod) {
    let pool = pool(method);
    let handle = pool.submit(double, 4);
    until("the task is finished", || handle.is_finished());
    let log = Log::default();
    note(&handle, &log, "one");
    assert_eq!(*log.lock().expect("nobody panics here"), ["one: 8"]);
    note(&handle, &log, "two");
    assert_eq!(log.lock().expect("nobody panics here").len(), 2);
    assert_eq!(handle.join().expect("a number"), 8);
}

fn a_panicking_callback_harms_nothing(method: StartMethod) {
    let pool = pool(method);
    std::panic::set_hook(Box::new(|_| ()));
    for round in 0..20 {
        let handle = pool.submit(double, round);
        handle.on_done(|_| panic!("a callback"));
        let log = Log::default();
        note(&handle, &log, "behind it");
        assert_eq!(handle.join().expect("a number"), round * 2);
        assert_eq!(log.lock().expect("nobody panics here").len(), 1);
    }
    let _ = std::panic::take_hook();
    assert_eq!(pool.stats().completed, 20);
}

fn a_callback_may_submit_and_wait(method: StartMethod) {
    let pool = Arc::new(builder(method).queue_limit(2).build().expect("a pool"));
    let (send, received) = channel();
    let handles: Vec<_> = (0..20)
        .map(|number| {
            let handle = pool.submit(double, number);
            let (pool, send) = (Arc::clone(&pool), send.clone());
            handle.on_done(move |result| {
                let doubled = *result.as_ref().expect("a number");
                send.send(pool.call(double, doubled).expect("a number")).expect("it is read");
            });
            handle
        })
        .collect();
    for handle in handles {
        handle.join().expect("a number");
    }
    drop(send);
    let mut all: Vec<u32> = received.iter().take(20).collect();
    all.sort_unstable();
    assert_eq!(all, (0..20).map(|number| number * 4).collect::<Vec<_>>());
}

fn a_callback_may_drop_the_pool(method: StartMethod) {
    without_a_trace(|| {
        let pool = Arc::new(pool(method));
        let gate = Gate::new();
        let handle = pool.submit(gate::pass, gate.name());
        let behind: Vec<_> = (0..10).map(|number| pool.submit(double, number)).collect();
        let arrival = gate.arrival();
        let (send, received) = channel();
        let last = Mutex::new(Some(pool));
        handle.on_done(move |_| {
            drop(last.lock().expect("nobody panics here").take());
            send.send(()).expect("it is read");
        });
        drop(arrival);
        handle.join().expect("its worker's number");
        received.recv_timeout(PATIENCE).expect("the pool has ended");
        for (number, handle) in (0..).zip(behind) {
            assert_eq!(handle.join().expect("it was accepted"), number * 2);
        }
    });
}

/// Holds the pool until it is woken.
struct Holder(Mutex<Option<Pool>>, AtomicU32);

impl Wake for Holder {
    fn wake(self: Arc<Self>) {
        drop(self.0.lock().expect("nobody panics here").take());
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

fn a_waker_may_drop_the_pool(method: StartMethod) {
    without_a_trace(|| {
        let pool = pool(method);
        let gate = Gate::new();
        let mut handle = pool.submit(gate::pass, gate.name());
        let behind = pool.submit(double, 21);
        let arrival = gate.arrival();
        let holder = Arc::new(Holder(Mutex::new(Some(pool)), AtomicU32::new(0)));
        let waker = Waker::from(Arc::clone(&holder));
        let pinned = Pin::new(&mut handle);
        assert!(pinned.poll(&mut Context::from_waker(&waker)).is_pending());
        drop(arrival);
        // Nobody joins, so it is woken on a thread of the pool.
        until("it is woken", || holder.1.load(Ordering::SeqCst) == 1);
        let pinned = Pin::new(&mut handle);
        let Poll::Ready(result) = pinned.poll(&mut Context::from_waker(&waker)) else {
            panic!("it was woken");
        };
        result.expect("its worker's number");
        assert_eq!(behind.join().expect("it was accepted"), 42);
        until("the pool has ended", || crate::observe::children().is_empty());
    });
}

fn a_callback_may_end_the_pool(method: StartMethod) {
    let pool = Arc::new(pool(method));
    let gate = Gate::new();
    let handle = pool.submit(gate::pass, gate.name());
    let arrival = gate.arrival();
    let (send, received) = channel();
    let own = Arc::clone(&pool);
    handle.on_done(move |_| {
        send.send(own.shutdown(Shutdown::Finish, None).is_ok()).expect("it is read");
    });
    drop(arrival);
    assert!(received.recv_timeout(PATIENCE).expect("it returns"));
    handle.join().expect("its worker's number");
    assert!(matches!(pool.call(double, 1), Err(TaskError::PoolClosed)));
}

fn shutdown_waits_for_callbacks(method: StartMethod) {
    let pool = pool(method);
    let count = Arc::new(AtomicU32::new(0));
    for number in 0..50 {
        let count = Arc::clone(&count);
        pool.submit(double, number).on_done(move |_| {
            std::thread::yield_now();
            count.fetch_add(1, Ordering::SeqCst);
        });
    }
    pool.shutdown(Shutdown::Finish, None).expect("its end");
    assert_eq!(count.load(Ordering::SeqCst), 50);
}

fn ten_thousand_as_they_finish(method: StartMethod) {
    let pool = pool(method);
    let handles: Vec<_> = (0..10_000).map(|number| pool.submit(double, number)).collect();
    let mut sum = 0;
    let mut count = 0;
    for (_, result) in as_completed(handles) {
        sum += u64::from(result.expect("a number"));
        count += 1;
    }
    assert_eq!((count, sum), (10_000, 10_000 * 9_999));
}

fn the_first_of_two_pools(method: StartMethod) {
    let (one, other) = (pool(method), builder(StartMethod::Spawn).build().expect("a pool"));
    let gate = Gate::new();
    let mut handles =
        [one.submit(gate::pass, gate.name()), other.submit(gate::pass, gate.name())];
    let arrivals = [gate.arrival(), gate.arrival()];
    assert_eq!(wait_first(&mut handles, Some(Duration::from_millis(20))), None);
    let begun = Instant::now();
    drop(arrivals);
    assert!(wait_first(&mut handles, Some(PATIENCE)).is_some());
    assert!(wait_all(&mut handles, Some(PATIENCE)));
    assert!(begun.elapsed() < PATIENCE);
    let pids: Vec<u32> =
        as_completed(handles).map(|(_, result)| result.expect("a number")).collect();
    assert_eq!(pids.len(), 2);
}
