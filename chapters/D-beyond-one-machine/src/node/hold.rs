//! What a host holds, and how much more it takes. A pure table; the clock is an argument.

use crate::names::Peer;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Chunks that keep a worker busy for less than this are fetched ahead, so that no worker waits for the line.
const SHORT: Duration = Duration::from_millis(50);
/// A caller that has not been heard of for so long is gone, and so are its tasks.
const CALLER_SILENT_MAX: Duration = Duration::from_secs(15);
/// After so long nothing of such a caller is on the server any more.
const CALLER_FORGOTTEN_AFTER: Duration = Duration::from_secs(600);
/// Chunks of which it is remembered what was aborted before they came.
const ABORTED_MAX: usize = 1 << 14;
/// The weight of what is new in the average.
const MEMORY: f64 = 8.0;

/// Which chunk: its caller and its number there.
pub(super) type Key = (Peer, u64);

/// A chunk in this host's hands.
#[derive(Debug)]
pub(super) struct Held<C> {
    /// Where the server hears what becomes of it.
    pub(super) acknowledge_at: String,
    pub(super) delivered: u32,
    pub(super) tasks: usize,
    /// It runs while nothing else does.
    pub(super) alone: bool,
    pub(super) is_begun: bool,
    /// Results that are on their way to the object store.
    pub(super) uploads: isize,
    /// For how long its tasks ran, once all have.
    pub(super) ran_ns: Option<u64>,
    /// By what its tasks are ended.
    pub(super) control: C,
}

/// What is known of a caller.
#[derive(Debug, Clone, Copy)]
struct Heard {
    /// When it was last heard of, or first had a chunk here.
    at: Instant,
    is_gone: bool,
}

/// What becomes of a chunk that has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is to be run.
    New,
    /// The host has it already, and the server has given it once more; only where it is to be acknowledged has changed.
    Again,
    /// Its caller is gone.
    Unwanted,
}

/// All chunks in this host's hands.
#[derive(Debug)]
pub(super) struct Holds<C> {
    workers: usize,
    held: HashMap<Key, Held<C>>,
    callers: HashMap<Peer, Heard>,
    /// Tasks that were aborted before they came here, by chunk; the oldest chunk first.
    aborted: HashMap<Key, Vec<u32>>,
    aborted_order: VecDeque<Key>,
    /// How long a chunk keeps workers busy, all together; unknown at first.
    chunk_ns: Option<f64>,
    pub(super) done: u64,
}

impl<C> Holds<C> {
    pub(super) fn new(workers: usize) -> Holds<C> {
        Holds {
            workers,
            held: HashMap::new(),
            callers: HashMap::new(),
            aborted: HashMap::new(),
            aborted_order: VecDeque::new(),
            chunk_ns: None,
            done: 0,
        }
    }

    /// How many chunks to ask for, when so many have been asked for. Long ones: as many as there are free workers. Short
    /// ones: as many again in advance, and not one by one. None, while a chunk is here that is to run alone.
    pub(super) fn room(&self, asked: usize) -> usize {
        if self.held.values().any(|held| held.alone) {
            return 0;
        }
        let is_short = self.chunk_ns.is_some_and(|ns| ns < SHORT.as_nanos() as f64);
        let most = if is_short { 2 * self.workers.max(2) } else { self.workers };
        let room = most.saturating_sub(self.held.len() + asked);
        if is_short && room < most / 2 { 0 } else { room }
    }

    /// Takes a chunk in.
    pub(super) fn take(&mut self, key: Key, held: Held<C>, now: Instant) -> Taken {
        let heard = self.callers.entry(key.0).or_insert(Heard { at: now, is_gone: false });
        if heard.is_gone {
            return Taken::Unwanted;
        }
        match self.held.get_mut(&key) {
            Some(before) => {
                before.acknowledge_at = held.acknowledge_at;
                before.delivered = held.delivered;
                Taken::Again
            }
            None => {
                self.held.insert(key, held);
                Taken::New
            }
        }
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Held<C>> {
        self.held.get(key)
    }

    /// Whether a chunk may begin now. One that is to run alone waits for all that have begun, and all others wait for it.
    pub(super) fn may_begin(&self, key: &Key) -> bool {
        let Some(held) = self.held.get(key) else { return false };
        !self
            .held
            .iter()
            .any(|(other, it)| other != key && if held.alone { it.is_begun } else { it.alone })
    }

    /// A chunk begins.
    pub(super) fn begin(&mut self, key: &Key) {
        if let Some(held) = self.held.get_mut(key) {
            held.is_begun = true;
        }
    }

    /// All tasks of a chunk have run, for so long together.
    pub(super) fn ran(&mut self, key: &Key, run_ns: u64) {
        if let Some(held) = self.held.get_mut(key) {
            held.ran_ns = Some(run_ns);
            let run_ns = run_ns as f64;
            let average = self.chunk_ns.get_or_insert(run_ns);
            *average += (run_ns - *average) / MEMORY;
        }
    }

    /// A result of the chunk is on its way to the object store, or has arrived: `more` is 1 or -1.
    pub(super) fn uploading(&mut self, key: &Key, more: isize) {
        if let Some(held) = self.held.get_mut(key) {
            held.uploads += more;
        }
    }

    /// A chunk leaves the table, if all its tasks have run and all results are where they belong.
    pub(super) fn finish(&mut self, key: &Key) -> Option<Held<C>> {
        self.held.get(key).filter(|held| held.ran_ns.is_some() && held.uploads == 0)?;
        let held = self.held.remove(key)?;
        self.done += held.tasks as u64;
        Some(held)
    }

    /// A task of a chunk that is not here was aborted: if the chunk comes, it is not run.
    pub(super) fn remember_aborted(&mut self, key: Key, index: u32) {
        let indices = self.aborted.entry(key).or_default();
        if indices.is_empty() {
            self.aborted_order.push_back(key);
        }
        indices.push(index);
        if self.aborted_order.len() > ABORTED_MAX
            && let Some(oldest) = self.aborted_order.pop_front()
        {
            self.aborted.remove(&oldest);
        }
    }

    /// The tasks of a chunk that were aborted before it came.
    pub(super) fn aborted(&self, key: &Key) -> &[u32] {
        self.aborted.get(key).map_or(&[], Vec::as_slice)
    }

    /// A chunk that nobody wants any more.
    pub(super) fn drop(&mut self, key: &Key) -> Option<Held<C>> {
        self.held.remove(key)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&Key, &Held<C>)> {
        self.held.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// How many tasks it has.
    pub(super) fn tasks(&self) -> u64 {
        self.held.values().map(|held| held.tasks as u64).sum()
    }

    /// A caller has said that it lives.
    pub(super) fn hear_of(&mut self, caller: Peer, now: Instant) {
        self.callers.insert(caller, Heard { at: now, is_gone: false });
    }

    /// A caller has said that it wants nothing any more.
    pub(super) fn leave(&mut self, caller: Peer, now: Instant) {
        self.callers.insert(caller, Heard { at: now, is_gone: true });
    }

    /// Callers that have fallen silent, each told once. What comes of theirs from now on is unwanted, until one is heard
    /// of again.
    pub(super) fn silent_callers(&mut self, now: Instant) -> Vec<Peer> {
        let silent_for = |heard: &Heard| now.saturating_duration_since(heard.at);
        self.callers.retain(|_, heard| silent_for(heard) < CALLER_FORGOTTEN_AFTER);
        let mut gone = Vec::new();
        for (caller, heard) in &mut self.callers {
            if !heard.is_gone && silent_for(heard) > CALLER_SILENT_MAX {
                heard.is_gone = true;
                gone.push(*caller);
            }
        }
        gone
    }

    /// The chunks of a caller.
    pub(super) fn of_caller(&self, caller: Peer) -> Vec<Key> {
        self.held.keys().filter(|(own, _)| *own == caller).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLER: Peer = Peer(1);

    fn held(at: &str) -> Held<()> {
        Held {
            acknowledge_at: at.into(),
            delivered: 1,
            tasks: 3,
            alone: false,
            is_begun: false,
            uploads: 0,
            ran_ns: None,
            control: (),
        }
    }

    #[test]
    fn long_chunks_are_taken_for_free_workers_only() {
        let (mut holds, now) = (Holds::new(4), Instant::now());
        assert_eq!(holds.room(0), 4, "nobody knows how long they are");
        assert_eq!(holds.room(3), 1);
        holds.take((CALLER, 1), held("a"), now);
        assert_eq!(holds.room(1), 2);
        holds.ran(&(CALLER, 1), 5_000_000_000);
        assert!(holds.finish(&(CALLER, 1)).is_some());
        assert_eq!(holds.room(0), 4);
        assert_eq!(holds.room(4), 0);
    }

    #[test]
    fn short_chunks_are_fetched_ahead_some_at_a_time() {
        let (mut holds, now) = (Holds::new(4), Instant::now());
        holds.take((CALLER, 1), held("a"), now);
        holds.uploading(&(CALLER, 1), 1);
        holds.ran(&(CALLER, 1), 1_000_000);
        assert!(holds.finish(&(CALLER, 1)).is_none(), "a result is under way");
        holds.uploading(&(CALLER, 1), -1);
        assert!(holds.finish(&(CALLER, 1)).is_some());
        assert_eq!(holds.room(0), 8);
        assert_eq!(holds.room(4), 4);
        assert_eq!(holds.room(5), 0, "not worth a question");
        assert_eq!(holds.done, 3);
    }

    #[test]
    fn a_chunk_that_comes_again_is_not_run_again() {
        let (mut holds, now) = (Holds::new(1), Instant::now());
        assert_eq!(holds.take((CALLER, 1), held("a"), now), Taken::New);
        assert_eq!(holds.take((CALLER, 1), held("b"), now), Taken::Again);
        assert_eq!(holds.get(&(CALLER, 1)).unwrap().acknowledge_at, "b", "the last one counts");
        assert_eq!(holds.tasks(), 3);
        assert_eq!(holds.take((Peer(2), 1), held("c"), now), Taken::New, "another caller's");
        assert_eq!(holds.of_caller(CALLER), [(CALLER, 1)]);
    }

    #[test]
    fn a_chunk_that_is_to_run_alone_runs_alone() {
        let (mut holds, now) = (Holds::new(4), Instant::now());
        let [first, alone, next, other] = [1, 2, 3, 4].map(|chunk| (CALLER, chunk));
        holds.take(first, held("a"), now);
        assert!(holds.may_begin(&first));
        holds.begin(&first);
        holds.take(alone, Held { alone: true, ..held("b") }, now);
        holds.take(next, held("c"), now);
        holds.take(other, Held { alone: true, ..held("d") }, now);
        assert_eq!(holds.room(0), 0);
        let may = |holds: &Holds<()>| [alone, next, other].map(|key| holds.may_begin(&key));
        assert_eq!(may(&holds), [false, false, false], "the first one still runs");
        holds.drop(&first);
        assert_eq!(may(&holds), [true, false, true]);
        holds.begin(&alone);
        assert_eq!(may(&holds), [true, false, false]);
        holds.ran(&alone, 1);
        assert!(holds.finish(&alone).is_some());
        assert_eq!(may(&holds), [false, false, true]);
        holds.drop(&other);
        assert_eq!(may(&holds), [false, true, false]);
        assert_eq!(holds.room(0), 7, "chunks are short");
    }

    #[test]
    fn an_abort_may_come_before_its_task_and_is_not_kept_for_ever() {
        let mut holds = Holds::<()>::new(1);
        holds.remember_aborted((CALLER, 1), 2);
        holds.remember_aborted((CALLER, 1), 0);
        assert_eq!(holds.aborted(&(CALLER, 1)), [2, 0]);
        assert!(holds.aborted(&(CALLER, 2)).is_empty());
        (2..=ABORTED_MAX as u64 + 1).for_each(|n| holds.remember_aborted((CALLER, n), 0));
        assert!(holds.aborted(&(CALLER, 1)).is_empty());
        assert_eq!(holds.aborted.len(), ABORTED_MAX);
    }

    #[test]
    fn a_caller_that_falls_silent_is_told_once() {
        let (mut holds, now) = (Holds::new(1), Instant::now());
        holds.take((CALLER, 1), held("a"), now);
        let late = now + CALLER_SILENT_MAX;
        assert_eq!(holds.silent_callers(late), []);
        holds.hear_of(CALLER, late);
        let later = late + CALLER_SILENT_MAX + Duration::from_secs(1);
        assert_eq!(holds.silent_callers(late + CALLER_SILENT_MAX), []);
        assert_eq!(holds.silent_callers(later), [CALLER]);
        assert_eq!(holds.silent_callers(later), []);
        assert!(holds.drop(&(CALLER, 1)).is_some() && holds.is_empty());
        assert_eq!(holds.take((CALLER, 2), held("b"), later), Taken::Unwanted);
        holds.hear_of(CALLER, later);
        assert_eq!(
            holds.take((CALLER, 2), held("b"), later),
            Taken::New,
            "it was only cut off"
        );
        assert_eq!(holds.silent_callers(later + CALLER_FORGOTTEN_AFTER), []);
        assert!(holds.callers.is_empty());
    }
}
