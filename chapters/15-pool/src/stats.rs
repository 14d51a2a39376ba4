//! What the pool has done so far, as one consistent snapshot.

use crate::lane::{Lane, Phase};
use crate::pool::Pool;
use crate::usage::{cpu_time, rss_bytes};
use executor::{Stats, WorkerState, WorkerStats};
use std::time::Duration;

impl Pool {
    /// A consistent snapshot. A task is counted before its `join` returns.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// # fn square(n: u64) -> u64 { n * n }
    /// # let pool = procpool::Pool::builder().workers(1).build()?;
    /// pool.call(square, 7)?;
    /// let stats = pool.stats();
    /// assert_eq!((stats.submitted, stats.completed, stats.workers[0].tasks), (1, 1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stats(&self) -> Stats {
        let mut state = self.core.lock();
        state.turn();
        let counts = state.counts;
        let workers: Vec<WorkerStats> = state.lanes.values().map(|lane| worker(lane)).collect();
        let mut stats = Stats::default();
        stats.submitted = counts.submitted;
        stats.completed = counts.completed;
        stats.panicked = counts.panicked;
        stats.died = counts.died;
        stats.timed_out = counts.timed_out;
        stats.cancelled = counts.cancelled;
        stats.aborted = counts.aborted;
        stats.failed = counts.failed;
        stats.queued = state.queue.len();
        stats.running = state.lanes.values().filter(|lane| lane.is_busy()).count();
        stats.restarts = counts.restarts;
        stats.workers = workers;
        stats.run = state.run_times();
        stats.wait = state.waiting_times();
        self.core.leave(state);
        // Without the lock: the kernel is asked twice for each worker. One that has ended meanwhile uses nothing.
        for worker in &mut stats.workers {
            worker.cpu = cpu_time(worker.pid).unwrap_or_default();
            worker.rss_bytes = rss_bytes(worker.pid).unwrap_or_default();
        }
        stats
    }
}

fn worker(lane: &Lane) -> WorkerStats {
    let state = match lane.phase {
        Phase::Starting => WorkerState::Starting,
        Phase::Leaving | Phase::Doomed => WorkerState::Leaving,
        Phase::Ready if lane.is_busy() => WorkerState::Running,
        Phase::Ready => WorkerState::Idle,
    };
    let mut stats = WorkerStats::default();
    stats.pid = lane.pid;
    stats.state = state;
    stats.tasks = lane.answered;
    stats.busy = Duration::from_nanos(lane.busy_ns());
    stats
}
