//! One size after the other: how many tasks, workers, bytes, panics.

use crate::gate::{self, Gate};
use crate::observe::{builder, descriptors, until, without_a_trace};
use crate::shared_use::{pools_side_by_side, threads_that_share_a_pool, urgent_tasks};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use procpool::{JoinHandle, Pool, Shutdown, StartMethod, Stats, TaskError};
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const CASES: &[contract::Case] = &[
    ("tasks_that_wait", || drop(tasks_that_wait(20_000))),
    ("many_workers", || drop(many_workers(24))),
    ("urgent_tasks", || drop(urgent_tasks(20))),
    ("a_long_map", || drop(a_long_map(100_000))),
    ("payloads", || drop(payloads(8 << 20))),
    ("panics", || drop(panics(1_000))),
    ("threads_that_share_a_pool", || drop(threads_that_share_a_pool(8, 200))),
    ("pools_side_by_side", || drop(pools_side_by_side(2))),
];

pub(crate) type Sized = (&'static str, fn() -> String);

pub(crate) const FULL: &[Sized] = &[
    ("tasks that wait", || tasks_that_wait(1_000_000)),
    ("workers", || many_workers(256)),
    ("more workers", || many_workers(1_000)),
    ("urgent tasks", || urgent_tasks(1_000)),
    ("tasks through map", || a_long_map(10_000_000)),
    ("payloads", || payloads((4 << 30) + (1 << 20))),
    ("panics", || panics(100_000)),
    ("threads that share a pool", || threads_that_share_a_pool(32, 5_000)),
    ("pools side by side", || pools_side_by_side(4)),
];

pub(crate) fn same(number: u64) -> u64 {
    number
}

/// A task that waits takes no more than this beside its handle, in bytes: 200, and what the allocator rounds up.
const WAITING_BYTES_MAX: u64 = 256;
/// What the program or its workers may grow by while many tasks pass, in bytes: their rings fill up to their ends.
const PASSING_BYTES_MAX: u64 = 16 << 20;

/// A figure of a process's `/proc/PID/status`, in bytes.
fn memory(pid: u32, name: &str) -> u64 {
    kib(&format!("/proc/{pid}/status"), name) << 10
}

/// A figure of a file in `/proc`, in KiB.
fn kib(path: &str, name: &str) -> u64 {
    let text = fs::read_to_string(path).expect("/proc");
    let line = text.lines().find(|line| line.starts_with(name)).expect("a figure");
    line.split_whitespace().nth(1).and_then(|it| it.parse().ok()).expect("a number")
}

/// The most memory that the program and, together, its workers have had so far, in bytes.
fn peaks(pool: &Pool) -> (u64, u64) {
    let workers = pool.stats().workers;
    let of_workers = workers.iter().map(|worker| memory(worker.pid, "VmHWM")).sum();
    (memory(std::process::id(), "VmHWM"), of_workers)
}

/// Submits so many tasks while the only worker is held, and says how many bytes each of them takes beside its handle.
fn submit_all(pool: &Pool, handles: &mut [Option<JoinHandle<u64>>]) -> u64 {
    // The room of the handles was written to before, so it does not count.
    let before = memory(std::process::id(), "VmRSS");
    let waiting = |stats: Stats| stats.submitted - stats.completed - stats.running as u64;
    for (number, handle) in (0..).zip(&mut *handles) {
        *handle = Some(pool.submit(same, number));
    }
    let grown = memory(std::process::id(), "VmRSS").saturating_sub(before);
    assert_eq!(waiting(pool.stats()), handles.len() as u64);
    grown / handles.len() as u64
}

/// Tasks that are accepted while nobody can run them: all are run, all can be dropped.
fn tasks_that_wait(count: usize) -> String {
    let mut said = String::new();
    without_a_trace(|| {
        let pool = builder(StartMethod::Forkserver).workers(1).build().expect("a pool");
        let gate = Gate::new();
        let mut handles: Vec<Option<JoinHandle<u64>>> = Vec::new();
        handles.resize_with(count, || None);
        let held = pool.submit(gate::pass, gate.name());
        let arrival = gate.arrival();
        let each = submit_all(&pool, &mut handles);
        assert!(each <= WAITING_BYTES_MAX, "a task that waits takes {each} bytes");
        drop(arrival);
        held.join().expect("the gate is open");
        for (number, handle) in (0..).zip(handles.iter_mut().flat_map(Option::take)) {
            assert_eq!(handle.join().expect("a number"), number);
        }
        let held = pool.submit(gate::pass, gate.name());
        let arrival = gate.arrival();
        submit_all(&pool, &mut handles);
        let begun = Instant::now();
        let mut took = Duration::ZERO;
        thread::scope(|scope| {
            let ending =
                scope.spawn(|| pool.shutdown(Shutdown::Cancel, None).expect("its end"));
            until("the tasks are cancelled", || pool.stats().cancelled == count as u64);
            took = begun.elapsed();
            drop(arrival);
            assert_eq!(ending.join().expect("no panic").cancelled, count as u64);
        });
        held.join().expect("it was running");
        let mut results = handles.into_iter().flatten().map(JoinHandle::join);
        assert!(results.all(|it| matches!(it, Err(TaskError::Cancelled))));
        said = format!("{count}, {each} bytes each beside its handle, cancelled in {took:.2?}");
    });
    said
}

/// Raises the soft limit of descriptors as far as `needed`; whether there are so many.
fn may_open(needed: u64) -> bool {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    soft >= needed || hard >= needed && setrlimit(Resource::RLIMIT_NOFILE, needed, hard).is_ok()
}

fn many_workers(count: usize) -> String {
    let most = 4 * count + 8;
    // Its own, and what else is open here.
    if !may_open(most as u64 + 32) {
        return format!(
            "{count} left out: {most} descriptors are more than `ulimit -Hn` allows"
        );
    }
    let mut said = Vec::new();
    for method in crate::METHODS {
        without_a_trace(|| {
            let open = descriptors(std::process::id()).len();
            let begun = Instant::now();
            let pool = builder(method).workers(count).build().expect("a pool");
            let built = begun.elapsed();
            let results = pool.map(same, 0..20 * count as u64);
            assert!((0..).zip(results).all(|(number, it)| it.expect("a number") == number));
            let pids = crate::observe::worker_pids(&pool, count);
            assert_eq!(pids.len(), count);
            let own = descriptors(std::process::id()).len() - open;
            assert!(own <= most, "{own} descriptors for {count} workers");
            let begun = Instant::now();
            pool.shutdown(Shutdown::Finish, None).expect("its end");
            let ended = begun.elapsed();
            said.push(format!(
                "by {method:?} built in {built:.2?}, ended in {ended:.2?}, {own} descriptors"
            ));
        });
    }
    format!("{count} {}", said.join("; "))
}

/// Inputs are made as they are wanted, so memory does not grow with their number.
fn a_long_map(count: u64) -> String {
    let pool = builder(StartMethod::Forkserver).build().expect("a pool");
    let warm: u64 = pool.map(same, 0..50_000).map(|it| it.expect("a number")).sum();
    assert_eq!(warm, 49_999 * 25_000);
    let (before, workers_before) = peaks(&pool);
    let begun = Instant::now();
    let mut sum = 0_u64;
    for result in pool.map(same, 0..count) {
        sum += result.expect("a number");
    }
    let took = begun.elapsed();
    assert_eq!(sum, count * (count - 1) / 2);
    let (after, workers_after) = peaks(&pool);
    let (grown, workers_grown) = (after - before, workers_after - workers_before);
    assert!(grown < PASSING_BYTES_MAX, "the program has grown by {grown} bytes");
    assert!(
        workers_grown < PASSING_BYTES_MAX,
        "the workers have grown by {workers_grown} bytes"
    );
    format!(
        "{count} in {took:.2?}; at its peak the program has {} KiB, {} more than before, and the workers {}, {} more",
        after >> 10,
        grown >> 10,
        workers_after >> 10,
        workers_grown >> 10
    )
}

fn turned(bytes: Vec<u8>) -> Vec<u8> {
    let mut bytes = bytes;
    if let [first, .., last] = &mut *bytes {
        std::mem::swap(first, last);
    }
    bytes
}

/// Nothing, and more than fits into 32 bits where there is memory for it: there and back.
fn payloads(len: usize) -> String {
    let pool = builder(StartMethod::Forkserver).workers(1).build().expect("a pool");
    assert_eq!(pool.call(turned, Vec::new()).expect("nothing"), []);
    // The argument, its copy in the area, the worker's vector, the result's area, the result.
    let needed = 5 * len as u64 + (1 << 30);
    let free = kib("/proc/meminfo", "MemAvailable") << 10;
    if free < needed {
        return format!(
            "{len} bytes left out: {} MiB are free, {} needed",
            free >> 20,
            needed >> 20
        );
    }
    let begun = Instant::now();
    let mut bytes = vec![7_u8; len];
    bytes[0] = 1;
    bytes[len / 2] = 2;
    let back = pool.call(turned, bytes).expect("a result");
    assert_eq!((back.len(), back[0], back[len / 2], back[len - 1]), (len, 7, 2, 1));
    format!("0 and {len} bytes there and back in {:.2?}", begun.elapsed())
}

fn fail(number: u64) -> u64 {
    panic!("number {number}")
}

fn panics(count: u64) -> String {
    let pool = builder(StartMethod::Forkserver).build().expect("a pool");
    let check = |number: u64, result: Result<u64, TaskError>| match result {
        Err(TaskError::Panicked { message, location, .. }) => {
            assert_eq!(message, format!("number {number}"));
            assert!(location.is_some());
        }
        other => panic!("{other:?}"),
    };
    pool.map(fail, 0..500).zip(0..).for_each(|(result, number)| check(number, result));
    let pids = crate::observe::worker_pids(&pool, 2);
    let (before, workers_before) = peaks(&pool);
    let begun = Instant::now();
    pool.map(fail, 0..count).zip(0..).for_each(|(result, number)| check(number, result));
    let took = begun.elapsed();
    let (after, workers_after) = peaks(&pool);
    let (grown, workers_grown) = (after - before, workers_after - workers_before);
    assert!(grown < PASSING_BYTES_MAX, "the program has grown by {grown} bytes");
    assert!(
        workers_grown < PASSING_BYTES_MAX,
        "the workers have grown by {workers_grown} bytes"
    );
    assert_eq!(crate::observe::worker_pids(&pool, 2), pids, "nobody has died of it");
    format!(
        "{count} in {took:.2?}; the program has grown by {} KiB, the workers by {}",
        grown >> 10,
        workers_grown >> 10
    )
}
