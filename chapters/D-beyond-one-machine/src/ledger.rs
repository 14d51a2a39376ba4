//! What the caller owes an answer for: every chunk that was made and whose tasks have not all been answered.
//!
//! Owner: the caller's thread for the engine. It is a pure table: events go in, and what is to be sent comes out; the
//! clock is an argument.
//!
//! Invariant: a task is in the ledger until its first answer. Nothing that the server said takes it out: not that it has
//! stored the chunk, not that a host has acknowledged it. So whatever is lost on the way, the bytes to send again are
//! here. The first answer wins, later ones are counted.
//!
//! # References
//! Saltzer, Reed and Clark, "End-to-end arguments in system design" (1984).

use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::time::{Duration, Instant};

/// Chunks that were sent and that the server has not confirmed. More would end in a storm when a cluster of servers
/// elects a leader.
const UNCONFIRMED_MAX: usize = 256;
/// After so long without a word from the server a chunk is sent once more.
const CONFIRM_WITHIN: Duration = Duration::from_secs(5);
/// How long it waits when the server could not take a chunk.
const REFUSED_PAUSE: Duration = Duration::from_millis(250);
/// A chunk that was sent less than this ago is not missed: it, or its answer, may be under way.
const MISSED_AFTER: Duration = Duration::from_secs(2);

/// What is owed, where `J` stands for a task.
#[derive(Debug)]
pub(crate) struct Ledger<J> {
    next_chunk: u64,
    owed: BTreeMap<u64, Owed<J>>,
    /// Chunks to send, the oldest first.
    outbox: VecDeque<u64>,
    /// Chunks that go one after the other, each when the one before has been answered.
    suspects: BTreeSet<u64>,
    trial: Option<Trial>,
    unconfirmed: usize,
    /// Nothing is sent before.
    paused_until: Option<Instant>,
    pub(crate) counts: Counts,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ToSend {
    /// Send the chunk.
    Chunk(u64, Bytes),
    /// Put its argument into the object store, and say that it is [`Ledger::uploaded`].
    Argument(u64, Bytes),
}

/// What a fault has cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Tasks that were sent once more because nothing was known of them.
    pub(crate) resent: u64,
    /// Answers to tasks that had been answered before.
    pub(crate) duplicates: u64,
}

/// The suspect that was sent last.
#[derive(Debug)]
struct Trial {
    chunk: u64,
    /// How often a host has begun it.
    begun: u32,
}

#[derive(Debug)]
struct Owed<J> {
    /// A place is empty once its task was answered.
    jobs: Vec<Option<J>>,
    left: usize,
    bytes: Bytes,
    /// An argument that is too large for the message, which has to be in the object store before.
    large: Option<Bytes>,
    stage: Stage,
    /// When it was sent last.
    sent_at: Option<Instant>,
    /// Looks at the server in a row that did not find it.
    missed: u32,
}

/// What a chunk was, out of which its tasks can be sent in other chunks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Struck<J> {
    /// The tasks that were not answered, with their places.
    pub(crate) jobs: Vec<(usize, J)>,
    pub(crate) bytes: Bytes,
    pub(crate) large: Option<Bytes>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It waits for its turn among the suspects.
    Suspect,
    /// It is in the outbox.
    ToSend,
    /// Its argument is on the way to the object store.
    Uploading,
    /// It was sent, and the server has not said that it has it.
    Unconfirmed,
    /// The server has said so.
    Confirmed,
}

impl<J> Default for Ledger<J> {
    fn default() -> Ledger<J> {
        Ledger {
            next_chunk: 1,
            owed: BTreeMap::new(),
            outbox: VecDeque::new(),
            suspects: BTreeSet::new(),
            trial: None,
            unconfirmed: 0,
            paused_until: None,
            counts: Counts::default(),
        }
    }
}

impl<J> Ledger<J> {
    /// How many chunks are owed.
    pub(crate) fn chunks(&self) -> usize {
        self.owed.len()
    }

    /// How many of them are with the server or the hosts, or on their way there.
    pub(crate) fn under_way(&self) -> usize {
        self.owed.len() - self.suspects.len()
    }

    /// The number of a chunk that is to be made.
    pub(crate) fn new_chunk(&mut self) -> u64 {
        self.next_chunk += 1;
        self.next_chunk - 1
    }

    /// Owes a chunk with these tasks, and puts it in the outbox.
    pub(crate) fn owe(&mut self, chunk: u64, jobs: Vec<J>, bytes: Bytes, large: Option<Bytes>) {
        self.add(chunk, Stage::ToSend, jobs, bytes, large);
        self.outbox.push_back(chunk);
    }

    /// Owes a chunk with a task that may end whatever host runs it. It is sent when the suspects before it have been
    /// answered.
    pub(crate) fn suspect(&mut self, chunk: u64, job: J, bytes: Bytes, large: Option<Bytes>) {
        self.add(chunk, Stage::Suspect, vec![job], bytes, large);
        self.suspects.insert(chunk);
    }

    fn add(
        &mut self,
        chunk: u64,
        stage: Stage,
        jobs: Vec<J>,
        bytes: Bytes,
        large: Option<Bytes>,
    ) {
        let left = jobs.len();
        let jobs = jobs.into_iter().map(Some).collect();
        let owed = Owed { jobs, left, bytes, large, stage, sent_at: None, missed: 0 };
        self.owed.insert(chunk, owed);
    }

    /// A host begins the suspect that was sent.
    pub(crate) fn begun(&mut self, chunk: u64) {
        if let Some(trial) = self.trial.as_mut().filter(|trial| trial.chunk == chunk) {
            trial.begun += 1;
        }
    }

    /// How often hosts have begun the chunk, if it is the suspect that was sent.
    pub(crate) fn tried(&self, chunk: u64) -> Option<u32> {
        self.trial.as_ref().filter(|trial| trial.chunk == chunk).map(|trial| trial.begun)
    }

    /// Puts the next suspect in the outbox, if none is under way.
    fn try_next(&mut self) {
        if self.trial.as_ref().is_some_and(|trial| self.owed.contains_key(&trial.chunk)) {
            return;
        }
        self.trial = self.suspects.pop_first().map(|chunk| {
            if let Some(owed) = self.owed.get_mut(&chunk) {
                owed.stage = Stage::ToSend;
            }
            self.outbox.push_front(chunk);
            Trial { chunk, begun: 0 }
        });
    }

    /// What to send now, the oldest first.
    pub(crate) fn next_to_send(&mut self, now: Instant) -> Option<ToSend> {
        if self.paused_until.is_some_and(|until| now < until) {
            return None;
        }
        self.try_next();
        while self.unconfirmed < UNCONFIRMED_MAX {
            let chunk = self.outbox.pop_front()?;
            let Some(owed) = self.owed.get_mut(&chunk) else { continue };
            owed.sent_at = Some(now);
            owed.missed = 0;
            self.unconfirmed += 1;
            if let Some(large) = &owed.large {
                owed.stage = Stage::Uploading;
                return Some(ToSend::Argument(chunk, large.clone()));
            }
            owed.stage = Stage::Unconfirmed;
            return Some(ToSend::Chunk(chunk, owed.bytes.clone()));
        }
        None
    }

    /// The chunk's argument is in the object store: the chunk itself, to be sent now.
    pub(crate) fn uploaded(&mut self, chunk: u64, now: Instant) -> Option<Bytes> {
        let owed = self.owed.get_mut(&chunk).filter(|owed| owed.stage == Stage::Uploading)?;
        owed.stage = Stage::Unconfirmed;
        owed.sent_at = Some(now);
        Some(owed.bytes.clone())
    }

    /// The server has the chunk.
    pub(crate) fn confirmed(&mut self, chunk: u64) {
        if let Some(owed) = self.owed.get_mut(&chunk)
            && owed.stage == Stage::Unconfirmed
        {
            owed.stage = Stage::Confirmed;
            self.unconfirmed -= 1;
        }
    }

    /// The server did not take the chunk: it is sent again after a pause.
    pub(crate) fn refused(&mut self, chunk: u64, now: Instant) {
        self.paused_until = Some(now + REFUSED_PAUSE);
        if self.owed.get(&chunk).is_some_and(|owed| owed.is_unconfirmed()) {
            self.requeue(chunk);
        }
    }

    /// The connection broke and is there again: what was sent and not confirmed may have got lost on the way.
    pub(crate) fn reconnected(&mut self) {
        let chunks = self.having(|owed| owed.stage == Stage::Unconfirmed);
        self.resend(&chunks);
    }

    /// A host could not get the chunk's argument: both are sent again.
    pub(crate) fn send_again(&mut self, chunk: u64) {
        self.resend(&[chunk]);
    }

    /// Sends again what the server has not confirmed in time.
    pub(crate) fn overdue(&mut self, now: Instant) {
        let is_overdue = |owed: &Owed<J>| {
            owed.stage == Stage::Unconfirmed
                && owed.sent_at.is_some_and(|at| now - at >= CONFIRM_WITHIN)
        };
        let chunks: Vec<u64> = self.having(is_overdue);
        self.resend(&chunks);
    }

    // ANCHOR: answered
    /// One task was answered: the task, if this is the first answer.
    pub(crate) fn answered(&mut self, chunk: u64, index: u32) -> Option<J> {
        let job = self.forget(chunk, index);
        if job.is_none() {
            self.counts.duplicates += 1;
        }
        job
    }

    /// Nothing is owed for a task any more: the task, if something was.
    pub(crate) fn forget(&mut self, chunk: u64, index: u32) -> Option<J> {
        let owed = self.owed.get_mut(&chunk)?;
        let job = owed.jobs.get_mut(index as usize)?.take()?;
        owed.left -= 1;
        if owed.left == 0 {
            self.remove(chunk);
        }
        Some(job)
    }
    // ANCHOR_END: answered

    /// The task at a place, if it is owed.
    pub(crate) fn job(&self, chunk: u64, index: u32) -> Option<&J> {
        self.owed.get(&chunk)?.jobs.get(index as usize)?.as_ref()
    }

    /// Strikes a chunk out, if it is owed.
    pub(crate) fn strike(&mut self, chunk: u64) -> Option<Struck<J>> {
        let owed = self.remove(chunk)?;
        let jobs = owed.jobs.into_iter().enumerate();
        let jobs = jobs.filter_map(|(index, job)| Some((index, job?))).collect();
        Some(Struck { jobs, bytes: owed.bytes, large: owed.large })
    }

    /// How many tasks of a chunk are owed.
    pub(crate) fn left(&self, chunk: u64) -> usize {
        self.owed.get(&chunk).map_or(0, |owed| owed.left)
    }

    /// Whether the chunk has an argument in the object store.
    pub(crate) fn is_large(&self, chunk: u64) -> bool {
        self.owed.get(&chunk).is_some_and(|owed| owed.large.is_some())
    }

    /// Strikes everything out.
    pub(crate) fn strike_all(&mut self) -> Vec<J> {
        let all = std::mem::take(&mut self.owed);
        self.outbox.clear();
        self.suspects.clear();
        self.unconfirmed = 0;
        all.into_values().flat_map(|owed| owed.jobs.into_iter().flatten()).collect()
    }

    /// Whether there is a chunk that was sent so long ago that a look at the server would tell something.
    pub(crate) fn may_miss(&self, now: Instant) -> bool {
        self.owed.values().any(|owed| owed.is_old(now))
    }

    // ANCHOR: looked
    /// The server was asked at `asked_at` which chunks it has, and named these. One that it did not name at two looks in
    /// a row was acknowledged by a host, or lost, and its answer is lost: it is sent again. Returns how many chunks those
    /// are.
    ///
    /// One look is not enough: the answer may have been on its way.
    pub(crate) fn looked(&mut self, has: &HashSet<u64>, asked_at: Instant) -> usize {
        for (chunk, owed) in &mut self.owed {
            if owed.is_old(asked_at) {
                owed.missed = if has.contains(chunk) { 0 } else { owed.missed + 1 };
            }
        }
        let missed = self.having(|owed| owed.missed >= 2);
        self.resend(&missed);
        missed.len()
    }
    // ANCHOR_END: looked

    /// Whether the last look did not find something.
    pub(crate) fn misses_some(&self) -> bool {
        self.owed.values().any(|owed| owed.missed > 0)
    }

    /// The server has lost everything: all that was sent is sent again.
    pub(crate) fn lost_all(&mut self) {
        let sent = self.having(|owed| !matches!(owed.stage, Stage::Suspect | Stage::ToSend));
        self.resend(&sent);
    }

    fn having(&self, wanted: impl Fn(&Owed<J>) -> bool) -> Vec<u64> {
        self.owed.iter().filter(|(_, owed)| wanted(owed)).map(|(chunk, _)| *chunk).collect()
    }

    fn resend(&mut self, chunks: &[u64]) {
        for chunk in chunks {
            self.counts.resent += self.owed.get(chunk).map_or(0, |owed| owed.left as u64);
            self.requeue(*chunk);
        }
    }

    fn requeue(&mut self, chunk: u64) {
        let Some(owed) = self.owed.get_mut(&chunk) else { return };
        match owed.stage {
            Stage::Suspect | Stage::ToSend => return,
            Stage::Uploading | Stage::Unconfirmed => self.unconfirmed -= 1,
            Stage::Confirmed => {}
        }
        owed.stage = Stage::ToSend;
        owed.missed = 0;
        self.outbox.push_back(chunk);
    }

    fn remove(&mut self, chunk: u64) -> Option<Owed<J>> {
        let owed = self.owed.remove(&chunk)?;
        if owed.is_unconfirmed() {
            self.unconfirmed -= 1;
        }
        self.suspects.remove(&chunk);
        Some(owed)
    }
}

impl<J> Owed<J> {
    fn is_unconfirmed(&self) -> bool {
        matches!(self.stage, Stage::Uploading | Stage::Unconfirmed)
    }

    fn is_old(&self, now: Instant) -> bool {
        self.stage == Stage::Confirmed
            && self.sent_at.is_some_and(|at| now.saturating_duration_since(at) >= MISSED_AFTER)
    }
}

#[cfg(test)]
mod tests;
