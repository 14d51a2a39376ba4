//! How a map feeds a cluster: in batches, further ahead the more results have come.

use crate::cluster::Source;
use executor::{Feed, JoinHandle, LazyMap, LazyMapUnordered};
use task::Message;

/// The most inputs that were taken and whose results were not taken out.
const AHEAD_MAX: usize = 16_384;
/// The most bytes that these inputs take, on average.
const AHEAD_BYTES_MAX: usize = 64 << 20;
/// How far it runs ahead at the beginning, at the least.
const AHEAD_MIN: usize = 64;
/// And for each worker.
const AHEAD_PER_WORKER: usize = 8;
/// Inputs that are handed over together.
const BATCH_MAX: usize = 1024;

/// Results in the order of the inputs; see [`Cluster::map`](crate::Cluster::map).
pub type Map<I, A, R> = LazyMap<ClusterFeed<A, R>, I>;

/// Results as they finish, each with the index of its input; see
/// [`Cluster::map_unordered`](crate::Cluster::map_unordered).
pub type MapUnordered<I, A, R> = LazyMapUnordered<ClusterFeed<A, R>, I>;

/// Hands the inputs of a map to a cluster.
pub struct ClusterFeed<A, R> {
    source: Source,
    f: fn(A) -> R,
    submitted: usize,
    submitted_bytes: usize,
    ahead_min: usize,
}

impl<A, R> ClusterFeed<A, R> {
    pub(crate) fn new(source: Source, f: fn(A) -> R) -> ClusterFeed<A, R> {
        let ahead_min = AHEAD_MIN.max(source.workers() * AHEAD_PER_WORKER);
        ClusterFeed { source, f, submitted: 0, submitted_bytes: 0, ahead_min }
    }

    /// How far it runs ahead now.
    fn ahead_max(&self, ahead: usize) -> usize {
        let taken_out = self.submitted - ahead;
        let by_speed = self.ahead_min.max(2 * taken_out).min(AHEAD_MAX);
        let mean_bytes = self.submitted_bytes / self.submitted.max(1);
        by_speed.min(AHEAD_BYTES_MAX / mean_bytes.max(1)).max(1)
    }
}

impl<A: Message, R: Message> Feed for ClusterFeed<A, R> {
    type Input = A;
    type Output = R;

    fn room(&mut self, ahead: usize) -> usize {
        let most = self.ahead_max(ahead);
        // Handing over a few costs nearly as much as handing over many.
        if ahead > most / 2 { 0 } else { (most - ahead).min(BATCH_MAX) }
    }

    fn submit(&mut self, inputs: Vec<A>) -> Vec<JoinHandle<R>> {
        self.submitted += inputs.len();
        let (handles, bytes) = self.source.submit(self.f, inputs);
        self.submitted_bytes += bytes;
        handles
    }
}
