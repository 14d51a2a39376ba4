//! Workers that are replaced although they work well: after so many tasks, or when they have grown.
//!
//! How many tasks a worker has begun is known exactly, since a lane is given no more than it may. Memory is looked at
//! only now and then, by the supervisor while tasks run, and by whoever takes an answer if nobody has looked for long.
//!
//! Invariant: a worker that has done all that it may do is asked to leave before it could be sent another task.

use super::{Request, State};
use crate::clock::now_ns;
use crate::lane::{Doom, Lane, Phase};
use crate::task_cell::Timeout;
use crate::usage::rss_bytes;
use std::time::Instant;
use supervise::Decision;

/// How often the supervisor looks at the memory of a worker that runs tasks, in nanoseconds.
pub(super) const WEIGH_EVERY: Timeout = Timeout::new(50_000_000).expect("not zero");
/// A worker that has answered is looked at if nobody has for so long, in nanoseconds.
const WEIGHED_NS: u64 = 10_000_000;

/// A worker whose memory is to be looked at, without the pool's lock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weighing {
    pub(crate) lane: u32,
    pub(crate) pid: u32,
    /// Which task it was running, if it was running one.
    answered: u64,
}

impl State {
    /// A worker has answered: it leaves if it has done what it may do, or has grown too much.
    pub(super) fn recycle_if_due(&mut self, number: u32, lane: &mut Lane) {
        if lane.phase != Phase::Ready || !lane.flights.is_empty() {
            return;
        }
        let mut rss = 0;
        if lane.recycling.max_rss_bytes.is_some() && !lane.is_spent() {
            let now_ns = now_ns();
            if now_ns.saturating_sub(lane.weighed_ns) > WEIGHED_NS {
                lane.weighed_ns = now_ns;
                lane.weighed_answered = lane.answered;
                rss = rss_bytes(lane.pid).unwrap_or(0);
            }
        }
        let decision = lane.recycling.decide(lane.answered, rss);
        if lane.is_spent() || decision != Decision::Keep {
            lane.leave();
            self.requests.push(Request::Replace { lane: number });
        }
    }

    /// Whose memory is to be looked at now, and whether somebody's is to be looked at later.
    pub(super) fn choose_to_weigh(&mut self, now_ns: u64) -> (Vec<Weighing>, bool) {
        let mut now = Vec::new();
        let mut later = false;
        for (&number, lane) in &mut self.lanes {
            if lane.recycling.max_rss_bytes.is_none() || lane.phase == Phase::Doomed {
                continue;
            }
            // After the last task it is looked at once more.
            let has_run = lane.answered != lane.weighed_answered;
            if lane.flights.is_empty() && !has_run {
                continue;
            }
            if now_ns.saturating_sub(lane.weighed_ns) >= WEIGH_EVERY.get() {
                lane.weighed_ns = now_ns;
                lane.weighed_answered = lane.answered;
                now.push(Weighing { lane: number, pid: lane.pid, answered: lane.answered });
                later |= !lane.flights.is_empty();
            } else {
                later = true;
            }
        }
        (now, later)
    }

    /// What becomes of a worker that had `rss_bytes` of resident memory when it was looked at.
    pub(crate) fn weighed(&mut self, weighing: Weighing, rss_bytes: u64) {
        let Some(lane) = self.lanes.get_mut(&weighing.lane) else { return };
        let busy = lane.is_busy();
        let decision = lane.recycling.decide(lane.answered + u64::from(busy), rss_bytes);
        if decision == Decision::Keep || lane.phase == Phase::Doomed {
            return;
        }
        let was_running = busy && lane.answered == weighing.answered;
        if decision == Decision::Kill && was_running {
            return self.end_for_memory(weighing.lane, rss_bytes);
        }
        if lane.phase != Phase::Ready {
            return;
        }
        lane.spend();
        self.recall_all(weighing.lane);
        let Some(mut lane) = self.lanes.remove(&weighing.lane) else { return };
        self.take_answers_of(weighing.lane, &mut lane, Instant::now());
        self.recycle_if_due(weighing.lane, &mut lane);
        self.lanes.insert(weighing.lane, lane);
    }

    /// The worker of a running task has more than twice the memory that it may have.
    fn end_for_memory(&mut self, number: u32, rss_bytes: u64) {
        let Some(limit_bytes) =
            self.lanes.get(&number).and_then(|lane| lane.recycling.max_rss_bytes)
        else {
            return;
        };
        let why = format!(
            "over its memory limit: {rss_bytes} bytes were resident while it ran a task, more than twice the {limit_bytes} bytes of `max_rss`"
        );
        self.doom_running(number, Doom::OverMemory, why);
    }
}
