//! What a cluster has done and who works in it.

use executor::TaskError;
use std::time::Duration;

/// Counts since [`Cluster::connect`](crate::Cluster::connect), and the hosts that were heard of.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ClusterStats {
    /// The same counts that a local pool has, those that it knows nothing about being 0: times and workers.
    pub tasks: executor::Stats,
    /// Tasks that ended with a [`Failure`](crate::Failure): because of the network, the servers or the hosts.
    pub lost: u64,
    /// Tasks that were sent once more because nothing was known of them.
    pub resent: u64,
    /// Tasks that came back from a chunk that the servers had given to more than one host. It may have run twice.
    pub redelivered: u64,
    /// Answers to tasks that had an answer already; they were dropped.
    pub duplicates: u64,
    /// How often the connection to the servers was made again.
    pub reconnects: u64,
    /// The hosts that were heard of in the last few seconds, by name.
    pub hosts: Vec<HostStats>,
}

/// One host.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct HostStats {
    /// Its name and the process id of its agent, as `name:pid`.
    pub name: String,
    /// How many workers it has.
    pub workers: usize,
    /// Tasks of all callers that it has not answered.
    pub held: u64,
    /// Tasks of all callers that it has answered.
    pub done: u64,
    /// How long ago it was heard of.
    pub silent_for: Duration,
}

/// How a task ended, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Completed,
    Panicked,
    Died,
    TimedOut,
    Cancelled,
    Aborted,
    Failed,
    Lost,
}

impl Kind {
    pub(crate) fn of<R>(result: &Result<R, TaskError>) -> Kind {
        match result {
            Ok(_) => Kind::Completed,
            Err(TaskError::Panicked { .. }) => Kind::Panicked,
            Err(TaskError::WorkerDied { .. }) => Kind::Died,
            Err(TaskError::TimedOut { .. }) => Kind::TimedOut,
            Err(TaskError::Cancelled) => Kind::Cancelled,
            Err(TaskError::Aborted) => Kind::Aborted,
            Err(TaskError::Backend { .. }) => Kind::Lost,
            Err(_) => Kind::Failed,
        }
    }

    /// Counts one more.
    pub(crate) fn count(self, stats: &mut ClusterStats) {
        let tasks = &mut stats.tasks;
        *match self {
            Kind::Completed => &mut tasks.completed,
            Kind::Panicked => &mut tasks.panicked,
            Kind::Died => &mut tasks.died,
            Kind::TimedOut => &mut tasks.timed_out,
            Kind::Cancelled => &mut tasks.cancelled,
            Kind::Aborted => &mut tasks.aborted,
            Kind::Failed => &mut tasks.failed,
            Kind::Lost => &mut stats.lost,
        } += 1;
    }
}
