//! What a pool has done so far, as one consistent snapshot.

use std::time::Duration;

/// Counts since the pool was built, and what is under way.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Tasks that were accepted.
    pub submitted: u64,
    /// Tasks that returned a result.
    pub completed: u64,
    /// Tasks that panicked.
    pub panicked: u64,
    /// Tasks whose worker died, and that were not run again.
    pub died: u64,
    /// Tasks that ran longer than they may.
    pub timed_out: u64,
    /// Tasks that were cancelled before they started.
    pub cancelled: u64,
    /// Tasks that were aborted.
    pub aborted: u64,
    /// Tasks whose argument or result could not be encoded or decoded by their worker.
    pub failed: u64,
    /// Tasks that wait in the queue.
    pub queued: usize,
    /// Tasks that a worker has begun and not answered.
    pub running: usize,
    /// Workers that were replaced because they had ended unexpectedly.
    pub restarts: u64,
    /// The workers there are.
    pub workers: Vec<WorkerStats>,
    /// How long tasks ran that came to their end: by a result, a panic, or a value that could not be coded.
    pub run: Histogram,
    /// How long tasks waited, from being accepted to being handed to a worker. A task that is run again counts once
    /// more. Short tasks are handed over some at a time: for up to 300 µs they may then lie in their worker's ring.
    pub wait: Histogram,
}

/// One worker.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct WorkerStats {
    /// Its process id.
    pub pid: u32,
    /// What it does.
    pub state: WorkerState,
    /// How many tasks it has answered.
    pub tasks: u64,
    /// For how long it has run tasks, the one under way included.
    pub busy: Duration,
    /// The processor time that it has used, in user mode and in the kernel.
    pub cpu: Duration,
    /// Its resident memory, in bytes.
    pub rss_bytes: u64,
}

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WorkerState {
    /// It has not shaken hands.
    #[default]
    Starting,
    /// It waits for a task.
    Idle,
    /// It runs one.
    Running,
    /// It was asked to leave, or is being killed.
    Leaving,
}

/// A distribution of times, in four numbers. `count` is exact. The times are measured for every task that is long and for
/// some of the short ones, which then stand for the others; `p50` and `p99` are off by at most 1/16 of what was measured.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Histogram {
    /// How many tasks.
    pub count: u64,
    /// Half of them took no longer.
    pub p50: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}
