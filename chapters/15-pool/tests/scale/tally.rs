//! How many tasks ended how, as the callers have seen it, beside what the pool says.

use procpool::{Stats, TaskError};
use std::sync::atomic::{AtomicU64, Ordering};

/// The outcomes that a task of a soak may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Completed,
    Panicked,
    Died,
    TimedOut,
    Cancelled,
    Aborted,
}

impl Kind {
    /// # Panics
    /// If no task may end in this way.
    pub(crate) fn of<R>(result: &Result<R, TaskError>) -> Kind {
        match result {
            Ok(_) => Kind::Completed,
            Err(TaskError::Panicked { .. }) => Kind::Panicked,
            Err(TaskError::WorkerDied { .. }) => Kind::Died,
            Err(TaskError::TimedOut { .. }) => Kind::TimedOut,
            Err(TaskError::Cancelled) => Kind::Cancelled,
            Err(TaskError::Aborted) => Kind::Aborted,
            Err(error) => panic!("no task may end so: {error}"),
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    seen: [AtomicU64; 6],
    kills: AtomicU64,
}

impl Tally {
    pub(crate) fn count(&self, kind: Kind) {
        self.seen[kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn killed(&self) {
        self.kills.fetch_add(1, Ordering::Relaxed);
    }

    fn seen(&self, kind: Kind) -> u64 {
        self.seen[kind as usize].load(Ordering::Relaxed)
    }

    /// # Panics
    /// If the pool has not counted one outcome for each task, or others than the callers have seen. The results of maps
    /// that were dropped nobody has seen; those never panic, run out of time or are aborted.
    pub(crate) fn check(&self, stats: &Stats) {
        let counted = [
            (Kind::Completed, stats.completed),
            (Kind::Panicked, stats.panicked),
            (Kind::Died, stats.died),
            (Kind::TimedOut, stats.timed_out),
            (Kind::Cancelled, stats.cancelled),
            (Kind::Aborted, stats.aborted),
        ];
        assert_eq!(stats.failed, 0, "{stats:?}");
        let outcomes: u64 = counted.iter().map(|(_, count)| count).sum();
        assert_eq!(stats.submitted, outcomes, "each task has one outcome: {stats:?}");
        for (kind, count) in counted {
            let seen = self.seen(kind);
            let unseen_too = matches!(kind, Kind::Completed | Kind::Died | Kind::Cancelled);
            assert!(
                seen == count || seen < count && unseen_too,
                "{kind:?}: {self:?} {stats:?}"
            );
        }
    }

    pub(crate) fn in_words(&self, stats: &Stats) -> String {
        format!(
            "{} tasks, {} workers killed: {} completed, {} panicked, {} died, {} timed out, {} cancelled, {} aborted",
            stats.submitted,
            self.kills.load(Ordering::Relaxed),
            stats.completed,
            stats.panicked,
            stats.died,
            stats.timed_out,
            stats.cancelled,
            stats.aborted,
        )
    }
}
