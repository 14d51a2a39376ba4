//! LOST_RESULT: took "at most once" for "sent at most once".

/// By how many workers a task is begun at most.
pub const WORKERS_MAX: u32 = 3;

/// What the caller was promised for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// It is never begun a second time.
    AtMostOnce,
    /// It is begun again after a death, by up to [`WORKERS_MAX`] workers in all.
    AtLeastOnce,
}

/// What a supervisor knows of a task when the worker that had it is dead, and all that it has said was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// What the caller was promised.
    pub promise: Promise,
    /// Whether this worker has said that it begins the task.
    pub is_begun: bool,
    /// How many workers have begun it, this one included.
    pub workers: u32,
    /// Whether its answer has arrived.
    pub is_answered: bool,
}

/// What becomes of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It has its answer.
    Answered,
    /// It is sent to another worker.
    SendAgain,
    /// Its caller is told that a worker has died at it.
    Failed,
}

/// The fate of a task that a dead worker had.
pub fn fate(known: &Known) -> Fate {
    if known.is_answered {
        Fate::Answered
    } else if known.promise == Promise::AtLeastOnce && known.workers < WORKERS_MAX {
        Fate::SendAgain
    } else {
        Fate::Failed
    }
}
