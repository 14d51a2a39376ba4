//! Everything at once, for a while: kills, resizes, cancels, aborts, time limits, maps that are dropped, callbacks, large
//! payloads, shared slices. Each task has exactly one outcome, and memory and descriptors are flat at the end.

use crate::observe::{
    builder, children, descriptors, raw, until, without_a_trace, worker_pids,
};
use crate::tally::{Kind, Tally};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procpool::{
    Pool, SharedSlice, SharedSliceMut, Shutdown, StartMethod, TaskControl, TaskError,
};
use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

pub(crate) const CASES: &[contract::Case] = &[
    ("fork_soak", || drop(run(StartMethod::Fork, SHORT, 1))),
    ("spawn_soak", || drop(run(StartMethod::Spawn, SHORT, 2))),
    ("forkserver_soak", || drop(run(StartMethod::Forkserver, SHORT, 3))),
];

/// As long as it runs within `cargo test`.
const SHORT: Duration = Duration::from_secs(2);
/// A task that takes longer is killed; in a soak some always do.
const LIMIT: Duration = Duration::from_millis(30);
/// What a process may have grown by since a quarter of the time, in bytes: the allocator keeps what large payloads needed.
const GROWTH_MAX: u64 = 32 << 20;
/// A worker's segments for payloads that did not fit the ring, which are used again: one for arguments, one for results.
const SEGMENTS_KEPT: usize = 2;

/// A small generator of numbers, for each thread its own.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

fn double(number: u64) -> u64 {
    number * 2
}

fn nap(ms: u64) -> u64 {
    thread::sleep(Duration::from_millis(ms));
    ms
}

fn turned(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().rev().collect()
}

fn sum(slice: SharedSlice<u32>) -> u64 {
    slice.iter().map(|number| u64::from(*number)).sum()
}

fn one_more(mut slice: SharedSliceMut<u32>) -> SharedSliceMut<u32> {
    slice.iter_mut().for_each(|number| *number += 1);
    slice
}

fn fail(number: u64) -> u64 {
    panic!("number {number}")
}

/// What a process has of the machine's memory, in bytes.
fn rss_bytes(pid: u32) -> u64 {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).expect("/proc");
    let pages = statm.split_whitespace().nth(1).and_then(|it| it.parse::<u64>().ok());
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE);
    let page = page.ok().flatten().and_then(|bytes| u64::try_from(bytes).ok());
    pages.expect("a number of pages") * page.expect("a size")
}

/// By how much a process that has `after` bytes now has grown since it had `before`, and what it has, in words.
///
/// # Panics
/// If that is too much.
fn growth(before: u64, after: u64) -> String {
    let grown = after.saturating_sub(before);
    assert!(grown < GROWTH_MAX, "memory has grown by {grown} bytes");
    format!("{} of {} KiB", grown >> 10, after >> 10)
}

/// Children of this process that are no workers: a forkserver or a template, which has to last as long as the pool.
fn helpers(pool: &Pool) -> BTreeSet<u32> {
    let workers: BTreeSet<u32> = pool.stats().workers.iter().map(|worker| worker.pid).collect();
    children().difference(&workers).copied().collect()
}

/// What all threads of one soak share.
struct Soak<'a> {
    pool: &'a Pool,
    tally: &'a Arc<Tally>,
    over: &'a AtomicBool,
    /// Tasks that any thread may end.
    controls: &'a Mutex<Vec<TaskControl>>,
}

/// One soak; what came of it, in words.
pub(crate) fn run(method: StartMethod, time: Duration, seed: u64) -> String {
    let mut said = String::new();
    without_a_trace(|| {
        let pool = builder(method)
            .workers(3)
            .restart_limit(u32::MAX, Duration::from_secs(1))
            .build()
            .expect("a pool");
        let own = std::process::id();
        let observed: Vec<u32> = helpers(&pool).into_iter().chain([own]).collect();
        let memory = || observed.iter().map(|pid| rss_bytes(*pid)).collect::<Vec<_>>();
        let open = || observed.iter().map(|pid| descriptors(*pid).len()).collect::<Vec<_>>();
        // All three workers are there when each has had a task.
        worker_pids(&pool, 3);
        let open_before = open();
        let tally = Arc::new(Tally::default());
        let over = AtomicBool::new(false);
        let controls = Mutex::new(Vec::new());
        let mut before = Vec::new();
        let soak = &Soak { pool: &pool, tally: &tally, over: &over, controls: &controls };
        thread::scope(|scope| {
            for thread in 0..3_u64 {
                scope.spawn(move || soak.work(seed * 10 + thread));
            }
            scope.spawn(move || soak.disturb(seed));
            // What the first rounds allocate once is no leak.
            thread::sleep(time / 4);
            before = memory();
            thread::sleep(time - time / 4);
            over.store(true, Ordering::Relaxed);
        });
        pool.scale_to(3).expect("three workers");
        let stats = pool.stats();
        assert_eq!((stats.queued, stats.running), (0, 0), "{stats:?}");
        tally.check(&stats);
        // A worker that was killed or is no longer wanted keeps its descriptors until it is reaped, which nobody waits for.
        until("no more descriptors than three workers need", || {
            let most = open_before.iter().map(|open| open + 3 * SEGMENTS_KEPT);
            open().into_iter().zip(most).all(|(open, most)| open <= most)
        });
        let after = memory();
        let grown: Vec<String> =
            before.iter().zip(&after).map(|(before, after)| growth(*before, *after)).collect();
        // A pool that is closed refuses tasks, which count for nothing.
        pool.shutdown(Shutdown::Finish, None).expect("its end");
        assert!(pool.map(double, 0..10).all(|it| matches!(it, Err(TaskError::PoolClosed))));
        tally.check(&pool.stats());
        said = format!(
            "{}, {} workers replaced; grown since a quarter of the time by {}",
            tally.in_words(&stats),
            stats.restarts,
            grown.join(" and ")
        );
    });
    said
}

impl Soak<'_> {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// A thread of the program: one kind of work after the other.
    fn work(&self, seed: u64) {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        while !self.is_over() {
            match random.below(10) {
                0 => self.map_whole(random.below(2_000)),
                1 => self.map_in_part(random.below(500) as usize, &mut random),
                2 => self.cancel_some(&mut random),
                3 => {
                    let ms = 5 + random.below(60);
                    self.check(self.pool.task(nap).timeout(LIMIT).call(ms), ms);
                }
                4 => self.abort_one(random.below(5)),
                5 => self.large(random.below(300_000) as usize),
                6 if random.below(10) == 0 => self.large(3 << 20),
                6 => {
                    let slice = SharedSlice::from_slice(&[3_u32; 5_000]).expect("memory");
                    self.check(self.pool.call(sum, slice), 15_000);
                }
                7 => {
                    let slice = SharedSliceMut::<u32>::zeroed(5_000).expect("memory");
                    let back = self.pool.call(one_more, slice);
                    self.check(
                        back.map(|back| back.iter().map(|n| u64::from(*n)).sum()),
                        5_000,
                    );
                }
                8 => self.call_back(&mut random),
                _ => {
                    // Whoever kills workers would have to hit it three times.
                    let number = random.below(1_000);
                    self.check(self.pool.task(double).retries(2).call(number), number * 2);
                }
            }
        }
    }

    fn map_whole(&self, count: u64) {
        let mut results = 0;
        for (number, result) in (0..).zip(self.pool.map(double, 0..count)) {
            self.check(result, number * 2);
            results += 1;
        }
        assert_eq!(results, count);
    }

    /// Taken out in part, then dropped: the others are cancelled, or run and are not looked at.
    fn map_in_part(&self, count: usize, random: &mut Random) {
        let mut indices = BTreeSet::new();
        let task = self.pool.task(double).priority(random.below(3) as i8 - 1);
        for (index, result) in task.map_unordered(0..5_000_u64).take(count) {
            assert!(indices.insert(index), "input {index} has two outcomes");
            self.check(result, index as u64 * 2);
        }
        assert_eq!(indices.len(), count);
    }

    fn cancel_some(&self, random: &mut Random) {
        let handles: Vec<_> = (0..200).map(|number| self.pool.submit(double, number)).collect();
        for (number, handle) in (0..).zip(handles) {
            let cancelled = random.below(4) == 0 && handle.cancel();
            let result = handle.join();
            assert!(!cancelled || matches!(result, Err(TaskError::Cancelled)), "{result:?}");
            self.check(result, number * 2);
        }
    }

    fn abort_one(&self, after_ms: u64) {
        let handle = self.pool.submit(nap, 200);
        thread::sleep(Duration::from_millis(after_ms));
        let aborted = handle.abort();
        let result = handle.join();
        assert!(!aborted || matches!(result, Err(TaskError::Aborted)), "{result:?}");
        self.check(result, 200);
    }

    fn large(&self, len: usize) {
        let result = self.pool.call(turned, (0..len).map(|at| at as u8).collect());
        let result = result.map(|back| {
            assert!(back.iter().rev().enumerate().all(|(at, byte)| *byte == at as u8));
            back.len() as u64
        });
        self.check(result, len as u64);
    }

    /// The callback sees what `join` sees, before it; the other thread may end the task meanwhile.
    fn call_back(&self, random: &mut Random) {
        let handle = match random.below(3) {
            0 => self.pool.submit(double, 21),
            1 => self.pool.submit(nap, 42),
            _ => self.pool.task(fail).priority(random.below(7) as i8 - 3).submit(21),
        };
        self.controls.lock().expect("nobody panics").push(handle.control());
        let seen = Arc::new(Mutex::new(None));
        let own = Arc::clone(&seen);
        handle.on_done(move |result| {
            let before = own.lock().expect("nobody panics").replace(Kind::of(result));
            assert_eq!(before, None, "a callback runs once");
        });
        let result = handle.join();
        assert_eq!(*seen.lock().expect("nobody panics"), Some(Kind::of(&result)));
        self.check(result, 42);
    }

    fn check(&self, result: Result<u64, TaskError>, expected: u64) {
        self.tally.count(Kind::of(&result));
        if let Ok(result) = result {
            assert_eq!(result, expected);
        }
    }

    /// Kills workers, ends tasks, changes the number of workers.
    fn disturb(&self, seed: u64) {
        let mut random = Random(seed | 1 << 40);
        while !self.is_over() {
            thread::sleep(Duration::from_millis(random.below(40)));
            for control in std::mem::take(&mut *self.controls.lock().expect("nobody panics")) {
                match random.below(3) {
                    0 => drop(control.cancel()),
                    1 => drop(control.abort()),
                    _ => {}
                }
            }
            if random.below(8) == 0 {
                self.pool.scale_to(1 + random.below(5) as usize).expect("a few workers");
                continue;
            }
            let workers = self.pool.stats().workers;
            let at = random.below(workers.len().max(1) as u64) as usize;
            let Some(worker) = workers.get(at) else { continue };
            // Its number is in use until the pool has reaped it. Numbers go round: this one is not given out again in the
            // moment in between.
            if worker.pid > 0 && kill(Pid::from_raw(raw(worker.pid)), Signal::SIGKILL).is_ok() {
                self.tally.killed();
            }
        }
        // The last kills must not be taken for descriptors that were lost.
        until("the tasks end", || self.pool.stats().running == 0);
    }
}
