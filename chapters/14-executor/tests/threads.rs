//! What a pool of threads promises: the same as a pool of processes, as far as a thread can.

use executor::{
    Executor, JoinHandle, Shutdown, TaskError, ThreadPool, as_completed, wait_all, wait_first,
};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// How long a test waits for what is sure to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tasks wait here until the test lets them go on. A task gets no captured state, so the gates are global, one a test.
#[derive(Default)]
struct Gate {
    inner: Mutex<(u32, bool)>,
    changed: Condvar,
}

impl Gate {
    const fn new() -> Gate {
        Gate { inner: Mutex::new((0, false)), changed: Condvar::new() }
    }

    fn pass(&self) {
        let mut inner = self.inner.lock().expect("no panic under it");
        inner.0 += 1;
        self.changed.notify_all();
        while !inner.1 {
            inner = self.changed.wait(inner).expect("no panic under it");
        }
    }

    fn wait_for(&self, arrivals: u32) {
        let mut inner = self.inner.lock().expect("no panic under it");
        while inner.0 < arrivals {
            let (again, timeout) =
                self.changed.wait_timeout(inner, PATIENCE).expect("no panic under it");
            assert!(!timeout.timed_out(), "nobody came to the gate");
            inner = again;
        }
    }

    fn open(&self) {
        self.inner.lock().expect("no panic under it").1 = true;
        self.changed.notify_all();
    }
}

fn double(n: u32) -> u32 {
    n * 2
}

fn fail(message: String) -> u32 {
    panic!("{message}")
}

fn sum(executor: &impl Executor, numbers: impl Iterator<Item = u32>) -> u32 {
    executor.map(double, numbers).map(|result| result.expect("a number")).sum()
}

#[test]
fn results_come_in_the_order_of_the_inputs() {
    let pool = ThreadPool::new(4);
    let doubled: Vec<u32> =
        pool.map(double, 0..10_000).map(|it| it.expect("a number")).collect();
    assert!((0..).zip(doubled).all(|(n, doubled)| doubled == n * 2));
    assert_eq!(sum(&pool, 0..100), 9_900);
    assert_eq!(pool.map(double, 0..10).len(), 10);
    let mut seen: Vec<usize> = pool.map_unordered(double, 0..1000).map(|(at, _)| at).collect();
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..1000));
}

#[test]
fn a_panic_is_its_tasks_own() {
    let pool = ThreadPool::new(1);
    for round in 0..100 {
        match pool.call(fail, format!("round {round}")) {
            Err(TaskError::Panicked { message, location, backtrace }) => {
                assert_eq!(message, format!("round {round}"));
                assert!(location.is_some_and(|it| it.contains("threads.rs")));
                assert!(backtrace.contains("fail"), "{backtrace}");
                assert!(!backtrace.contains("executor::threads"), "{backtrace}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pool.call(double, 21).expect("a number"), 42);
    let stats = pool.stats();
    assert_eq!((stats.panicked, stats.completed, stats.submitted), (100, 1, 101));
    assert_eq!((stats.run.count, stats.wait.count), (101, 101));
    assert!(stats.run.p50 <= stats.run.p99 && stats.run.p99 <= stats.run.max);
}

#[test]
fn what_waits_can_be_cancelled_and_what_runs_cannot() {
    static GATE: Gate = Gate::new();
    let pool = ThreadPool::new(1);
    let running = pool.submit(|()| GATE.pass(), ());
    GATE.wait_for(1);
    let [cancelled, aborted] = [pool.submit(double, 1), pool.submit(double, 2)];
    assert!(running.is_running() && !cancelled.is_running() && !cancelled.is_finished());
    assert!(!running.cancel() && !running.abort());
    assert!(cancelled.cancel() && !cancelled.cancel());
    assert!(aborted.control().abort() && aborted.is_finished());
    assert!(matches!(cancelled.join(), Err(TaskError::Cancelled)));
    assert!(matches!(aborted.join(), Err(TaskError::Aborted)));
    let running =
        running.join_timeout(Duration::from_millis(20)).expect_err("it is at the gate");
    GATE.open();
    running.join().expect("the gate is open");
    let stats = pool.stats();
    assert_eq!((stats.cancelled, stats.aborted, stats.queued, stats.running), (1, 1, 0, 0));
}

#[test]
fn tasks_may_wait_for_tasks_of_their_own_pool() {
    static POOL: Mutex<Option<Arc<ThreadPool>>> = Mutex::new(None);
    fn tree(depth: u32) -> u32 {
        if depth == 0 {
            return 1;
        }
        let pool = POOL.lock().expect("no panic under it").clone().expect("it was set");
        let branches: Vec<_> = (0..3).map(|_| pool.submit(tree, depth - 1)).collect();
        let joined: u32 = branches.into_iter().map(|it| it.join().expect("a number")).sum();
        let mapped: u32 = pool.map(tree, [depth - 1]).map(|it| it.expect("a number")).sum();
        let any = pool.map_unordered(tree, [depth - 1]).map(|(_, it)| it.expect("a number"));
        joined + mapped + any.sum::<u32>()
    }
    let pool = Arc::new(ThreadPool::new(1));
    *POOL.lock().expect("no panic under it") = Some(Arc::clone(&pool));
    assert_eq!(pool.call(tree, 4).expect("a number"), 625);
    POOL.lock().expect("no panic under it").take();
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => return result,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn a_handle_is_a_future() {
    let pool = ThreadPool::new(2);
    let both = async {
        let (one, other) = (pool.submit(double, 1), pool.submit(double, 2));
        one.await.expect("a number") + other.await.expect("a number")
    };
    assert_eq!(block_on(both), 6);
    for n in 0..2_000 {
        assert_eq!(block_on(pool.submit(double, n)).expect("a number"), n * 2);
    }
}

#[test]
fn callbacks_have_run_when_join_returns() {
    let pool = ThreadPool::new(2);
    for n in 0..500 {
        let calls = Arc::new(AtomicU32::new(0));
        let handle = pool.submit(double, n);
        for _ in 0..3 {
            let calls = Arc::clone(&calls);
            handle.on_done(move |result| {
                assert_eq!(*result.as_ref().expect("a number"), n * 2);
                calls.fetch_add(1, Ordering::SeqCst);
            });
        }
        assert_eq!(handle.join().expect("a number"), n * 2);
        assert_eq!(calls.load(Ordering::SeqCst), 3);
    }
}

#[test]
fn a_callback_may_drop_the_pool() {
    static GATE: Gate = Gate::new();
    let pool = ThreadPool::new(1);
    let handle = pool.submit(|()| GATE.pass(), ());
    let behind: Vec<JoinHandle<u32>> = (0..10).map(|n| pool.submit(double, n)).collect();
    GATE.wait_for(1);
    let (send, dropped) = channel();
    let pool = Mutex::new(Some(pool));
    handle.on_done(move |_| {
        drop(pool.lock().expect("no panic under it").take());
        send.send(()).expect("it is read");
    });
    GATE.open();
    dropped.recv_timeout(PATIENCE).expect("the drop returns");
    for (n, handle) in (0..).zip(behind) {
        assert_eq!(handle.join().expect("it was accepted"), n * 2);
    }
}

#[test]
fn as_they_finish_and_the_first_of_all() {
    static GATE: Gate = Gate::new();
    let (pool, other) = (ThreadPool::new(2), ThreadPool::new(1));
    let begun = Instant::now();
    let handles: Vec<_> = (0..20_000).map(|n| pool.submit(double, n)).collect();
    let total: u64 =
        as_completed(handles).map(|(_, it)| u64::from(it.expect("a number"))).sum();
    assert_eq!(total, 20_000 * 19_999);
    // A look at every handle for each result would be 400 million looks.
    assert!(begun.elapsed() < PATIENCE);
    let mut handles = [
        pool.submit(|()| GATE.pass(), ()),
        other.submit(|()| (), ()),
        pool.submit(|()| GATE.pass(), ()),
    ];
    assert_eq!(wait_first(&mut handles, Some(PATIENCE)), Some(1));
    assert!(!wait_all(&mut handles, Some(Duration::from_millis(20))));
    GATE.open();
    assert!(wait_all(&mut handles, Some(PATIENCE)));
    assert_eq!(as_completed(handles).count(), 3);
}

#[test]
fn inputs_are_taken_lazily_and_a_dropped_map_cancels() {
    static GATE: Gate = Gate::new();
    let pool = ThreadPool::new(1);
    let taken = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&taken);
    let endless = (0..).inspect(move |_: &u32| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let map = pool.map(|_| GATE.pass(), endless);
    GATE.wait_for(1);
    drop(map);
    GATE.open();
    let submitted = pool.stats().submitted;
    let summary = pool.shutdown(Shutdown::Finish, None).expect("its end");
    assert_eq!(u64::from(taken.load(Ordering::SeqCst)), submitted);
    assert!(submitted <= 16_384);
    assert_eq!(summary.stats.cancelled, submitted - 1, "all but the one at the gate");
}

#[test]
fn a_panic_of_the_input_is_the_callers() {
    let pool = ThreadPool::new(1);
    let inputs = (0..5).inspect(|n| assert!(*n < 3, "input {n}"));
    let caught = thread::scope(|scope| {
        scope
            .spawn(|| pool.map(double, inputs).map(|it| it.expect("a number")).sum::<u32>())
            .join()
    });
    assert!(caught.is_err());
    assert_eq!(pool.call(double, 4).expect("a number"), 8);
}

#[test]
fn the_ways_to_end() {
    static GATE: Gate = Gate::new();
    let pool = ThreadPool::new(1);
    let running = pool.submit(|()| GATE.pass(), ());
    GATE.wait_for(1);
    let waiting: Vec<_> = (0..5).map(|n| pool.submit(double, n)).collect();
    let deadline = Some(Duration::from_millis(10));
    let summary = pool.shutdown(Shutdown::Finish, deadline).expect("its end");
    assert_eq!(summary.escalated_to, Some(Shutdown::Kill));
    assert_eq!((summary.cancelled, summary.finished, summary.killed), (5, 0, 0));
    for handle in waiting {
        assert!(matches!(handle.join(), Err(TaskError::Cancelled)));
    }
    assert!(matches!(pool.call(double, 1), Err(TaskError::PoolClosed)));
    assert!(pool.map(double, [1, 2]).all(|it| matches!(it, Err(TaskError::PoolClosed))));
    GATE.open();
    running.join().expect("a thread cannot be killed");

    let pool = ThreadPool::new(3);
    let handles: Vec<_> = (0..100).map(|n| pool.submit(double, n)).collect();
    let summary = pool.shutdown(Shutdown::Finish, None).expect("its end");
    assert_eq!((summary.stats.completed, summary.escalated_to), (100, None));
    assert!(handles.into_iter().all(|handle| handle.join().is_ok()));
}
