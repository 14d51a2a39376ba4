//! Workers are killed at random, every 5 ms, while tasks run: each result comes exactly once, and nothing is left.
//!
//! `cargo test` runs it with few tasks. With as many as wanted, as often as wanted, over one start method or all:
//!
//! ```sh
//! cargo test --release -p procpool --test survive -- --tasks 1000000 --rounds 50
//! cargo test --release -p procpool --test survive -- --tasks 1000000 --rounds 50 --method Spawn
//! ```
//!
//! A third of the tasks goes through `map`, a third through `map_unordered` and a third through `submit` and `join`,
//! each from a thread of its own. One of 200 carries a payload that does not fit into a ring.

#[path = "contract/gate.rs"]
#[allow(dead_code, reason = "the cases of the contract use the rest")]
mod gate;
#[path = "contract/observe.rs"]
#[allow(dead_code, reason = "the cases of the contract use the rest")]
mod observe;

use contract::Case;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use observe::{children, raw, without_a_trace, worker_pids};
use procpool::{Pool, StartMethod, TaskError};
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// As the program runs within `cargo test`, in a debug build and beside other programs.
const TASKS: u64 = 12_000;
const KILL_INTERVAL: Duration = Duration::from_millis(5);
const WORKERS: usize = 2;
/// How many handles the thread that submits holds at once.
const HANDLES: u64 = 5_000;

fn main() -> ExitCode {
    procpool::init();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        Some(words.get(at + 1).unwrap_or_else(|| panic!("{name} needs a value")).as_str())
    };
    let number = |name| value(name).map(|text| text.parse().expect("a number"));
    let Some(tasks) = number("--tasks") else { return contract::run(CASES) };
    let rounds = number("--rounds").unwrap_or(1);
    for method in [StartMethod::Fork, StartMethod::Spawn, StartMethod::Forkserver] {
        if value("--method")
            .is_some_and(|only| !only.eq_ignore_ascii_case(&format!("{method:?}")))
        {
            continue;
        }
        for round in 1..=rounds {
            let begun = Instant::now();
            let kills = survive(method, tasks, round);
            let seconds = begun.elapsed().as_secs_f64();
            println!(
                "{method:?}, round {round} of {rounds}: {tasks} results, {kills} kills, {seconds:.1} s"
            );
        }
    }
    ExitCode::SUCCESS
}

const CASES: &[Case] = &[
    ("fork", || survived(StartMethod::Fork, 1)),
    ("spawn", || survived(StartMethod::Spawn, 2)),
    ("forkserver", || survived(StartMethod::Forkserver, 3)),
];

fn survived(method: StartMethod, seed: u64) {
    let kills = survive(method, TASKS, seed);
    assert!(kills > 0, "nobody was killed");
}

/// What each task computes: some microseconds of work, and every byte counts.
fn work((number, payload): (u64, Vec<u8>)) -> (u64, Vec<u8>) {
    let mut hash = number;
    for _ in 0..500 {
        hash =
            black_box(hash ^ (hash << 13)).wrapping_mul(0x2545_F491_4F6C_DD1D).rotate_left(7);
    }
    (hash, payload.into_iter().map(|byte| byte ^ 0x55).collect())
}

fn argument(number: u64) -> (u64, Vec<u8>) {
    let len = if number.is_multiple_of(200) { 50_000 } else { number as usize % 40 };
    (number, vec![number as u8; len])
}

/// Counts the result of a task, which has to be the right one.
fn check(number: u64, result: Result<(u64, Vec<u8>), TaskError>, done: &AtomicU64) {
    let result = result.unwrap_or_else(|error| panic!("task {number}: {error}"));
    assert!(result == work(argument(number)), "task {number} has the result of another one");
    done.fetch_add(1, Ordering::Relaxed);
}

/// One round; returns how many workers were killed.
fn survive(method: StartMethod, tasks: u64, seed: u64) -> u64 {
    let mut kills = 0;
    without_a_trace(|| {
        let pool = Pool::builder().workers(WORKERS).start_method(method).retries(1_000);
        let pool =
            pool.restart_limit(u32::MAX, Duration::from_secs(1)).build().expect("a pool");
        let workers = worker_pids(&pool, WORKERS);
        let starter = children().difference(&workers).next().copied();
        let (done, over) = (AtomicU64::new(0), AtomicBool::new(false));
        let third = tasks / 3;
        kills = thread::scope(|scope| {
            let killing = scope.spawn(|| kill_until(&over, &done, starter, seed));
            let others = [
                scope.spawn(|| through_map(&pool, 0..third, &done)),
                scope.spawn(|| through_map_unordered(&pool, third..2 * third, &done)),
                scope.spawn(|| through_submit(&pool, 2 * third..tasks, &done)),
            ];
            let ended = others.map(|thread| thread.join());
            over.store(true, Ordering::Relaxed);
            let kills = killing.join().expect("no panic");
            for thread in ended {
                thread.expect("no panic");
            }
            kills
        });
        assert_eq!(done.into_inner(), tasks);
    });
    kills
}

fn through_map(pool: &Pool, numbers: std::ops::Range<u64>, done: &AtomicU64) {
    let mut results = pool.map(work, numbers.clone().map(argument));
    for number in numbers {
        check(number, results.next().expect("one for each input"), done);
    }
    assert!(results.next().is_none(), "more results than inputs");
}

fn through_map_unordered(pool: &Pool, numbers: std::ops::Range<u64>, done: &AtomicU64) {
    let mut came = vec![false; (numbers.end - numbers.start) as usize];
    for (index, result) in pool.map_unordered(work, numbers.clone().map(argument)) {
        assert!(!std::mem::replace(&mut came[index], true), "result {index} came twice");
        check(numbers.start + index as u64, result, done);
    }
    assert!(came.iter().all(|came| *came), "a result never came");
}

fn through_submit(pool: &Pool, numbers: std::ops::Range<u64>, done: &AtomicU64) {
    for first in numbers.clone().step_by(HANDLES as usize) {
        let some = first..numbers.end.min(first + HANDLES);
        let handles: Vec<_> =
            some.clone().map(|number| pool.submit(work, argument(number))).collect();
        for (number, handle) in some.zip(handles) {
            check(number, handle.join(), done);
        }
    }
}

/// Kills a worker every [`KILL_INTERVAL`], but not before a result came since the last kill: on a machine that is slower
/// than that, no worker would live to run a task.
fn kill_until(over: &AtomicBool, done: &AtomicU64, starter: Option<u32>, seed: u64) -> u64 {
    let (mut random, mut kills, mut seen) =
        (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, 0, 0);
    while !over.load(Ordering::Relaxed) {
        thread::sleep(KILL_INTERVAL);
        let now = done.load(Ordering::Relaxed);
        if now == seen {
            continue;
        }
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let workers: Vec<u32> =
            children().into_iter().filter(|pid| Some(*pid) != starter).collect();
        let Some(pid) = workers.get(random as usize % workers.len().max(1)) else { continue };
        // It was a child a few microseconds ago, so its number is nobody else's yet.
        if kill(Pid::from_raw(raw(*pid)), Signal::SIGKILL).is_ok() {
            (kills, seen) = (kills + 1, now);
        }
    }
    kills
}
