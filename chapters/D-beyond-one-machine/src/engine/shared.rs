//! What the program's threads and the engine's thread share: the tasks that wait, orders, and counts.

use crate::job::Job;
use crate::names::Peer;
use crate::pace::Pace;
use crate::stats::{ClusterStats, HostStats, Kind};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// Tasks that ended while they waited are taken out of the queue when they are more than one in so many. So ending one
/// costs a look at no more than so many.
const ENDED_SHARE: usize = 64;

/// What the engine is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// End a task, wherever it is.
    Abort { chunk: u64, index: u32 },
    /// Drop what has not been sent.
    CancelWaiting,
    /// End everything.
    Kill,
    /// End the thread.
    End,
}

/// What is taken out of the queue for a chunk.
pub(crate) enum Taken {
    Jobs(Vec<Arc<dyn Job>>),
    /// There are some, and it is worth waiting for more.
    Later,
    Nothing,
}

#[derive(Default)]
pub(crate) struct Shared {
    intake: Mutex<Intake>,
    /// Tasks that were neither sent nor ended. Some in the queue have ended; some that the engine has taken out are not
    /// sent yet.
    queued: AtomicUsize,
    /// There is room in the queue.
    room: Condvar,
    books: Mutex<Books>,
    /// Nothing is accepted that has not ended.
    none_left: Condvar,
    wake: Notify,
}

#[derive(Default)]
struct Intake {
    waiting: VecDeque<Arc<dyn Job>>,
    orders: Vec<Order>,
    is_closed: bool,
}

#[derive(Default)]
struct Books {
    accepted: u64,
    ended: u64,
    stats: ClusterStats,
    /// The hosts that were heard of, and when.
    hosts: HashMap<Peer, (HostStats, Instant)>,
}

impl Shared {
    fn intake(&self) -> MutexGuard<'_, Intake> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands tasks over; waits while more than `limit` wait, unless `may_wait` is false. False: it is closed, and they are
    /// not accepted.
    pub(crate) fn submit(
        &self,
        jobs: impl ExactSizeIterator<Item = Arc<dyn Job>>,
        limit: usize,
        may_wait: bool,
    ) -> bool {
        let mut intake = self.intake();
        while may_wait && intake.waiting.len() >= limit && !intake.is_closed {
            intake = self.room.wait(intake).unwrap_or_else(PoisonError::into_inner);
        }
        if intake.is_closed {
            return false;
        }
        // Before the engine can see them: they may end at once.
        self.books().accepted += jobs.len() as u64;
        self.queued.fetch_add(jobs.len(), Ordering::Relaxed);
        intake.waiting.extend(jobs);
        drop(intake);
        self.wake.notify_one();
        true
    }

    /// A task that waited is sent.
    pub(crate) fn sent_waiting(&self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
    }

    /// A task that waited has ended: its place is free.
    pub(crate) fn ended_waiting(&self) {
        let queued = self.queued.fetch_sub(1, Ordering::Relaxed) - 1;
        let mut intake = self.intake();
        let places = intake.waiting.len();
        if places.saturating_sub(queued) <= places / ENDED_SHARE {
            return;
        }
        let all = std::mem::take(&mut intake.waiting);
        let (waiting, ended): (VecDeque<_>, VecDeque<_>) =
            all.into_iter().partition(|job| job.is_waiting());
        intake.waiting = waiting;
        drop(intake);
        self.room.notify_all();
        // They may hold what the caller's own code drops.
        drop(ended);
    }

    /// Accepts no more tasks.
    pub(crate) fn close(&self) {
        self.intake().is_closed = true;
        self.room.notify_all();
    }

    pub(crate) fn order(&self, order: Order) {
        self.intake().orders.push(order);
        self.wake.notify_one();
    }

    /// Waits for tasks or orders.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    pub(super) fn take_orders(&self) -> Vec<Order> {
        std::mem::take(&mut self.intake().orders)
    }

    /// Takes tasks from the front as long as `fits` takes them. Nothing if they are so few that it `is_worth_waiting`,
    /// which is told how many there are and how long the first one takes.
    pub(super) fn take_waiting(
        &self,
        mut fits: impl FnMut(&dyn Job) -> bool,
        is_worth_waiting: impl Fn(usize, u64) -> bool,
        pace: &Pace,
    ) -> Taken {
        let mut intake = self.intake();
        let Some(first) = intake.waiting.front() else { return Taken::Nothing };
        if is_worth_waiting(intake.waiting.len(), pace.share_ns(first.call())) {
            return Taken::Later;
        }
        let count = intake.waiting.iter().take_while(|job| fits(&***job)).count();
        let jobs = intake.waiting.drain(..count).collect();
        drop(intake);
        self.room.notify_all();
        Taken::Jobs(jobs)
    }

    pub(crate) fn take_all_waiting(&self) -> Vec<Arc<dyn Job>> {
        let all = std::mem::take(&mut self.intake().waiting);
        self.room.notify_all();
        all.into()
    }

    /// A task has ended, once and for all.
    pub(crate) fn task_ended(&self, kind: Kind) {
        let mut books = self.books();
        kind.count(&mut books.stats);
        books.ended += 1;
        if books.ended == books.accepted {
            self.none_left.notify_all();
        }
    }

    /// Waits until everything has ended. False: the deadline has passed first.
    pub(crate) fn wait_for_all(&self, deadline: Option<Instant>) -> bool {
        let mut books = self.books();
        while books.ended < books.accepted {
            let woken = match deadline.map(|due| due.saturating_duration_since(Instant::now()))
            {
                None => self.none_left.wait(books).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return false,
                Some(left) => {
                    let woken = self.none_left.wait_timeout(books, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            books = woken;
        }
        true
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut ClusterStats)) {
        change(&mut self.books().stats);
    }

    /// Shows a host, or no longer.
    pub(super) fn show_host(&self, peer: Peer, host: Option<(HostStats, Instant)>) {
        let mut books = self.books();
        match host {
            Some(host) => drop(books.hosts.insert(peer, host)),
            None => drop(books.hosts.remove(&peer)),
        }
    }

    /// What a host has last said.
    pub(super) fn host(&self, peer: Peer) -> Option<HostStats> {
        self.books().hosts.get(&peer).map(|(host, _)| host.clone())
    }

    /// How many workers the hosts have together.
    pub(crate) fn workers(&self) -> usize {
        self.books().hosts.values().map(|(host, _)| host.workers).sum()
    }

    pub(crate) fn stats(&self) -> ClusterStats {
        let books = self.books();
        let queued = self.queued.load(Ordering::Relaxed);
        let mut stats = books.stats.clone();
        let hosts = books.hosts.values();
        stats.hosts = hosts
            .map(|(host, heard)| HostStats { silent_for: heard.elapsed(), ..host.clone() })
            .collect();
        stats.hosts.sort_by(|a, b| a.name.cmp(&b.name));
        stats.tasks.submitted = books.accepted;
        stats.tasks.queued = queued;
        stats.tasks.running = usize::try_from(books.accepted - books.ended)
            .unwrap_or(usize::MAX)
            .saturating_sub(queued);
        stats
    }
}

#[cfg(test)]
mod tests;
