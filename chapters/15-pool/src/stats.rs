//! What the pool has done so far, as one consistent snapshot.

use crate::lane::{Lane, Phase};
use crate::pool::Pool;

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

impl Pool {
    /// A consistent snapshot. A task is counted before its `join` returns.
    pub fn stats(&self) -> Stats {
        let mut state = self.core.lock();
        state.turn();
        let counts = state.counts;
        let workers: Vec<WorkerStats> = state.lanes.values().map(|lane| worker(lane)).collect();
        let stats = Stats {
            submitted: counts.submitted,
            completed: counts.completed,
            panicked: counts.panicked,
            died: counts.died,
            cancelled: counts.cancelled,
            aborted: counts.aborted,
            failed: counts.failed,
            queued: state.queue.len(),
            running: state.lanes.values().filter(|lane| lane.is_busy()).count(),
            restarts: counts.restarts,
            workers,
        };
        self.core.leave(state);
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
    WorkerStats { pid: lane.pid, state, tasks: lane.answered }
}
