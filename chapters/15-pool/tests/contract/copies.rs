//! The program is forked by somebody else while a pool is alive: a library, a daemon that goes into the background. The
//! copy has the pool's memory and descriptors, and none of its threads.

use crate::gate::{self, Gate};
use crate::observe::{PATIENCE, children, pool, until, without_a_trace, worker_pids};
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, fork};
use procpool::{JoinHandle, Pool, PoolError, Shutdown, StartMethod, SubmitError, TaskError};
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

crate::over_each_start_method![
    a_copy_that_exits,
    a_copy_that_drops_everything,
    a_copy_that_uses_the_pool,
    a_copy_with_a_pool_of_its_own,
    a_copy_that_outlives_the_pool,
];

/// Exit code of a copy whose body panicked; what it said is in the case's output.
const PANICKED: i32 = 99;

/// Forks this process as a library would, threads or not, and runs `body` in the copy.
fn copy(body: impl FnOnce() -> i32) -> wait::Child {
    // SAFETY: the C library makes its own locks usable in the copy, and so does Rust's library with none that other
    // threads hold here: they are the pool's, and print nothing.
    match unsafe { fork() }.expect("room for one more process") {
        ForkResult::Child => {
            let code = catch_unwind(AssertUnwindSafe(body)).unwrap_or(PANICKED);
            // Nothing of the case's own may run in the copy.
            // SAFETY: it ends the process, whatever the state of its memory.
            unsafe { libc::_exit(code) }
        }
        ForkResult::Parent { child } => wait::Child::adopt(child).expect("a child"),
    }
}

/// The copy's exit code.
fn end(mut copy: wait::Child) -> i32 {
    let ends_at = Instant::now() + PATIENCE;
    loop {
        match copy.try_wait().expect("a child") {
            Some(wait::ExitStatus::Exited(code)) => return code,
            Some(other) => panic!("the copy ended by {other}"),
            None if Instant::now() > ends_at => {
                let _ = copy.kill(Signal::SIGKILL);
                panic!("the copy hangs");
            }
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn double(n: u32) -> u32 {
    n * 2
}

fn large(n: u8) -> Vec<u8> {
    vec![n; 1 << 20]
}

/// A pool in full use: both workers busy, tasks behind them, a map under way, a large result unread. The copy can take
/// each part out of its own memory, in which it stays with the program.
struct Work {
    pool: Option<Pool>,
    map: Option<Box<dyn Iterator<Item = Result<u32, TaskError>>>>,
    ready: Option<JoinHandle<Vec<u8>>>,
    handles: Vec<JoinHandle<u32>>,
}

fn with_work(method: StartMethod, in_copy: impl FnOnce(&mut Work)) {
    let pool = pool(method);
    let pids = worker_pids(&pool, 2);
    let mut map = pool.map(double, 0..2_000);
    assert_eq!(map.next().expect("one of 2,000").expect("a result"), 0);
    let ready = pool.submit(large, 7);
    until("the result is there", || ready.is_finished());
    let gate = Gate::new();
    let mut handles: Vec<_> = (0..2).map(|_| pool.submit(gate::pass, gate.name())).collect();
    let arrivals = [gate.arrival(), gate.arrival()];
    handles.extend((0..20).map(|_| pool.submit(gate::pass, gate.name())));
    let mut work =
        Work { pool: Some(pool), map: Some(Box::new(map)), ready: Some(ready), handles };

    let copy = copy(|| {
        in_copy(&mut work);
        0
    });
    assert_eq!(end(copy), 0);

    // Nothing was killed, reaped, taken away or done twice.
    let Work { pool: Some(pool), map: Some(map), ready: Some(ready), handles } = work else {
        panic!("only the copy has taken anything")
    };
    drop(arrivals);
    let opener = std::thread::spawn(move || (0..20).for_each(|_| drop(gate.arrival())));
    for handle in handles {
        assert!(pids.contains(&handle.join().expect("a result")));
    }
    opener.join().expect("20 tasks come to the gate");
    assert_eq!(ready.join().expect("a result"), vec![7; 1 << 20]);
    for (n, result) in (1..2_000).zip(map) {
        assert_eq!(result.expect("a result"), 2 * n);
    }
    assert_eq!(worker_pids(&pool, 2), pids);
    for n in 0..4 {
        assert_eq!(pool.call(large, n).expect("a result"), vec![n; 1 << 20]);
    }
    let stats = pool.stats();
    assert_eq!((stats.died, stats.restarts, stats.aborted, stats.cancelled), (0, 0, 0, 0));
}

fn a_copy_that_exits(method: StartMethod) {
    // With exit handlers and all, unlike the end of the other copies.
    with_work(method, |_| std::process::exit(0));
}

fn a_copy_that_drops_everything(method: StartMethod) {
    with_work(method, |work| {
        drop((work.map.take(), work.ready.take(), std::mem::take(&mut work.handles)));
        drop(work.pool.take());
    });
    with_work(method, |work| {
        drop(work.pool.take());
        drop((work.map.take(), work.ready.take(), std::mem::take(&mut work.handles)));
    });
}

fn assert_broken<T: std::fmt::Debug>(result: Result<T, TaskError>) {
    match result {
        Err(TaskError::PoolBroken { cause }) => assert!(cause.contains("copy"), "{cause}"),
        other => panic!("{other:?}"),
    }
}

fn a_copy_that_uses_the_pool(method: StartMethod) {
    with_work(method, |work| {
        let pool = work.pool.as_ref().expect("a pool");
        assert_broken(pool.call(double, 1));
        assert_broken(pool.submit(double, 1).join());
        assert!(matches!(pool.try_submit(double, 8), Err(SubmitError::Closed(8))));
        let results: Vec<_> = pool.map(double, 0..50).collect();
        assert_eq!(results.len(), 50);
        results.into_iter().for_each(assert_broken);
        assert_eq!(pool.map_unordered(double, 0..50).count(), 50);
        assert!(matches!(pool.scale_to(3), Err(PoolError::Invalid { .. })));
        let ended = pool.shutdown(Shutdown::Kill, Some(Duration::ZERO));
        assert!(matches!(ended, Err(PoolError::Invalid { .. })), "{ended:?}");
        assert_eq!(pool.stats().running, 0);
        assert!(!format!("{pool:?}").is_empty());
        // What had ended is there; what had not never will.
        let ready = work.ready.take().expect("a handle");
        assert_eq!(ready.join().expect("it had ended"), vec![7; 1 << 20]);
        assert!(work.map.take().expect("a map").count() < 2_000);
        let mut handles = std::mem::take(&mut work.handles);
        assert!(handles.iter().all(|handle| !handle.cancel() && !handle.abort()));
        assert!(procpool::wait_all(&mut handles, None));
        assert!(handles.iter().all(JoinHandle::is_finished));
        handles.into_iter().for_each(|handle| assert_broken(handle.join()));
    });
}

fn a_copy_with_a_pool_of_its_own(method: StartMethod) {
    with_work(method, |_| {
        // Its one thread is enough for each method.
        let own = pool(method);
        let pids = worker_pids(&own, 2);
        for (n, result) in (0..500).zip(own.map(double, 0..500)) {
            assert_eq!(result.expect("a result"), 2 * n);
        }
        crate::observe::kill_9(*pids.first().expect("two"));
        worker_pids(&own, 2);
        drop(own);
        contract::assert_no_children();
    });
}

fn a_copy_that_outlives_the_pool(method: StartMethod) {
    without_a_trace(|| {
        let (mut reader, mut writer) = std::io::pipe().expect("a pipe");
        let pool = pool(method);
        let all = children();
        // It has every descriptor of the pool that a copy can have.
        let copy = copy(|| i32::from(reader.read_exact(&mut [0]).is_err()));
        assert_eq!(pool.call(double, 4).expect("a result"), 8);
        drop(pool);
        assert!(all.iter().all(|pid| !crate::observe::is_alive(*pid)));
        writer.write_all(b"!").expect("the copy waits for it");
        assert_eq!(end(copy), 0);
    });
}
