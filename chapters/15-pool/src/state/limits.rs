//! Limits of time: which running task is over its own, and when the supervisor has to look again.
//!
//! Whoever sends a task compares its limit with one number, [`State::watched_ns`]: how long after its last look the
//! supervisor looks again. A task that was just sent cannot be over a longer limit before that look, so only a shorter
//! one is worth a wake-up, and a million short tasks with a limit of 30 s cost a look every 30 s.
//!
//! Invariant: if a task with a limit is in a lane, the supervisor looks before that limit can be over, or has a
//! [`Request::Watch`] that tells it to.

use super::recycling::{WEIGH_EVERY, Weighing};
use super::{Request, State};
use crate::lane::{Doom, Lane, Phase, Ticket};
use crate::stream::Streams;
use crate::task_cell::Timeout;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Limits are kept to so many nanoseconds: the supervisor does not look more often.
const RESOLUTION_NS: u64 = 1_000_000;
/// [`State::watched_ns`] while no task with a limit is in a lane.
pub(super) const UNWATCHED: u64 = u64::MAX;

/// What the supervisor finds when it looks at the limits.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// When it has to look again.
    pub(crate) again_after: Option<Duration>,
    /// Whose memory is to be looked at, without the lock.
    pub(crate) to_weigh: Vec<Weighing>,
}

/// When the worker of a lane began its first flight, as far as the program has seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// How many tasks the lane had answered: while the first flight runs, that says which one it is.
    answered: u64,
    at_ns: u64,
}

impl State {
    /// A task goes into a lane's ring; to be called before the worker can see it.
    #[inline]
    pub(super) fn limit_sent(&mut self, lane: &mut Lane, limit: Option<Timeout>) {
        if limit.is_some() {
            lane.time_all();
        }
        let weigh = lane.recycling.max_rss_bytes.map(|_| WEIGH_EVERY);
        let Some(limit) = limit.into_iter().chain(weigh).min() else { return };
        let limit_ns = limit.get().max(RESOLUTION_NS);
        if limit_ns < self.watched_ns {
            self.watched_ns = limit_ns;
            self.requests.push(Request::Watch);
        }
    }

    /// Ends the tasks that are over their limit at `now_ns`.
    pub(crate) fn look_at_limits(&mut self, now_ns: u64) -> Look {
        if self.watched_ns == UNWATCHED {
            return Look::default();
        }
        let mut next_ns = UNWATCHED;
        let mut late = Vec::new();
        for (number, lane) in &mut self.lanes {
            match due_ns(lane, &mut self.streams, now_ns) {
                Some((due_ns, started_ns)) if due_ns <= now_ns => {
                    late.push((*number, started_ns));
                }
                Some((due_ns, _)) => next_ns = next_ns.min(due_ns),
                None => {}
            }
        }
        for (number, started_ns) in late {
            self.end_for_time(number, started_ns);
        }
        let (to_weigh, later) = self.choose_to_weigh(now_ns);
        if later || !to_weigh.is_empty() {
            next_ns = next_ns.min(now_ns + WEIGH_EVERY.get());
        }
        if next_ns == UNWATCHED {
            self.watched_ns = UNWATCHED;
            return Look { again_after: None, to_weigh };
        }
        self.watched_ns = next_ns.saturating_sub(now_ns).max(RESOLUTION_NS);
        Look { again_after: Some(Duration::from_nanos(self.watched_ns)), to_weigh }
    }

    /// The lane's running task is over its limit, unless its answer is there by now.
    fn end_for_time(&mut self, number: u32, started_ns: u64) {
        let why = "its task ran past its time limit".to_owned();
        self.doom_running(number, Doom::TimedOut { started_ns }, why);
    }

    /// The lane's worker is to be killed for its running task, unless the answer is there by now.
    pub(super) fn doom_running(&mut self, number: u32, doom: Doom, why: String) {
        // What is behind it goes elsewhere first: its worker could begin it before it is dead.
        self.recall_all(number);
        let Some(mut lane) = self.lanes.remove(&number) else { return };
        let answered = lane.answered;
        self.take_answers_of(number, &mut lane, Instant::now());
        if lane.phase != Phase::Doomed && lane.answered == answered && lane.is_busy() {
            lane.phase = Phase::Doomed;
            lane.doom = Some(doom);
            self.requests.push(Request::Kill { lane: number, why: Some(why) });
        }
        self.lanes.insert(number, lane);
    }
}

/// When the first limit of a lane's flights can be over, and when the first flight began, if it has.
fn due_ns(lane: &mut Lane, streams: &mut Streams, now_ns: u64) -> Option<(u64, u64)> {
    if lane.phase == Phase::Doomed || !lane.is_timed() {
        return None;
    }
    let started_ns = started_ns(lane, now_ns);
    let mut limit_of = |ticket: &Ticket| match ticket {
        Ticket::Task(cell) => cell.terms.timeout,
        Ticket::Item { stream, .. } => streams.get(*stream).terms.timeout,
    };
    let mut first_due = None;
    for (place, flight) in lane.flights.iter().enumerate() {
        let Some(limit) = limit_of(&flight.ticket) else { continue };
        let begun_ns = if place == 0 { started_ns.unwrap_or(now_ns) } else { now_ns };
        let due_ns = begun_ns.saturating_add(limit.get());
        if first_due.is_none_or(|(first, _)| due_ns < first) {
            first_due = Some((due_ns, begun_ns));
        }
    }
    first_due
}

/// When the lane's first flight began, if it has. The worker says so before it marks the flight as begun; what it says
/// is believed only between the start of the lane and the moment at which the program first saw the flight begun.
fn started_ns(lane: &mut Lane, now_ns: u64) -> Option<u64> {
    if !lane.is_busy() {
        return None;
    }
    let said_ns = lane.header().started_ns().load(Ordering::Relaxed);
    let seen = match lane.seen {
        Some(seen) if seen.answered == lane.answered => seen,
        _ => *lane.seen.insert(Seen { answered: lane.answered, at_ns: now_ns }),
    };
    Some(said_ns.clamp(lane.made_ns.min(seen.at_ns), seen.at_ns))
}
