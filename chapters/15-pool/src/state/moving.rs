//! Moving tasks that were sent and have not begun: to a lane that has nothing to do, or back into the queue.

use super::{Stamp, State};
use crate::lane::{Lane, Phase, Recalled, Ticket};
use crate::queue::{Item, Waiting};
use executor::TaskError;
use std::time::{Duration, Instant};

/// Less work than this is not worth a move.
const WORTH: Duration = Duration::from_micros(100);
/// A lane whose tasks have waited so long for their neighbour is helped, whatever tasks have lasted before.
pub(super) const HELD_UP: Duration = Duration::from_millis(1);
/// A lane that has not answered for so long gets nothing more until it does, and what is behind its task goes elsewhere,
/// even if much else waits. That is longer than a worker waits for a processor as a rule, so short tasks are not moved about.
pub(crate) const STUCK: Duration = Duration::from_millis(10);

impl State {
    /// When nothing waits and a lane has nothing to do: takes tasks back from the lane that has the most.
    pub(super) fn share_out(&mut self) {
        while self.queue.len() == 0 && !self.idle.is_empty() {
            let worth = 1 + (WORTH.as_nanos() as u64 / self.task_ns.max(1)) as usize;
            let fullest = self.lanes.iter().max_by_key(|(_, lane)| lane.flights.len());
            let Some((&number, lane)) = fullest else { return };
            let held_up = lane.since.elapsed() > HELD_UP;
            // What is behind a task that lasts goes back as a whole: the most urgent, and among equals the oldest, is in
            // front of it and has to start first.
            let count = match held_up {
                true => lane.flights.len().saturating_sub(1),
                false => lane.flights.len() / 2,
            };
            if count == 0
                || ((lane.flights.len() <= worth || self.enough_are_busy()) && !held_up)
                || !self.take_back(number, count)
            {
                return;
            }
            self.send_waiting();
        }
    }

    /// When tasks wait and a lane runs them: takes those back that are behind a task that lasts in another lane. They were
    /// accepted earlier, or are more urgent, than those that wait.
    pub(super) fn free_stuck(&mut self) {
        if self.queue.len() == 0 || self.lanes.len() < 2 {
            return;
        }
        let now = Instant::now();
        let is_stuck = |lane: &Lane| lane.flights.len() > 1 && lane.is_stuck(now);
        let numbers: Vec<u32> = self
            .lanes
            .iter()
            .filter_map(|(number, lane)| is_stuck(lane).then_some(*number))
            .collect();
        // In most turns there is none.
        if numbers.is_empty()
            || !self
                .lanes
                .values()
                .any(|lane| lane.phase == Phase::Ready && !lane.is_stuck(now))
        {
            return;
        }
        for number in numbers {
            let count = self.lanes.get(&number).map_or(0, |lane| lane.flights.len() - 1);
            self.take_back(number, count);
        }
    }

    /// Takes tasks from workers that do not begin them; whether there was one. A worker that has caught up is given tasks
    /// again.
    pub(crate) fn relieve_stalled(&mut self) -> bool {
        let now = Instant::now();
        let mut changed = false;
        let numbers: Vec<u32> = self
            .lanes
            .iter_mut()
            .filter_map(|(number, lane)| {
                let recovers = lane.recover();
                changed |= recovers;
                (recovers || lane.is_stalling(now)).then_some(*number)
            })
            .collect();
        for number in numbers {
            if let Some(lane) = self.lanes.get_mut(&number) {
                lane.stalled = lane.is_stalling(now);
                changed |= lane.stalled;
            }
            self.take_back(number, usize::MAX);
        }
        changed
    }

    /// Whether tasks are behind others in a lane while another lane has nothing to do.
    pub(crate) fn is_uneven(&self) -> bool {
        !self.idle.is_empty()
            && (self.queue.len() > 0 || self.lanes.values().any(|lane| lane.flights.len() > 1))
    }

    /// A task of this priority was queued: what is less urgent, was sent and has not begun comes back behind it.
    pub(crate) fn make_way(&mut self, priority: i8) {
        if self.in_flight == 0 {
            self.least_sent = i8::MAX;
        }
        if priority <= self.least_sent {
            return;
        }
        let mut least = priority;
        let mut lanes = std::mem::take(&mut self.lanes);
        for lane in lanes.values_mut() {
            // From the last to the first, so that equals keep their order at the front of the queue.
            for at in (0..lane.flights.len()).rev() {
                let own = self.priority_of(&lane.flights[at].ticket);
                if own >= priority {
                    continue;
                }
                match lane.recall(at) {
                    Some(recalled) => {
                        self.in_flight -= 1;
                        self.put_back(recalled);
                    }
                    None => least = least.min(own),
                }
            }
        }
        self.lanes = lanes;
        self.least_sent = least;
        let numbers: Vec<u32> = self.lanes.keys().copied().collect();
        numbers.into_iter().for_each(|number| self.list_idle(number));
    }

    fn priority_of(&mut self, ticket: &Ticket) -> i8 {
        match ticket {
            Ticket::Task(cell) => cell.terms.priority,
            Ticket::Item { stream, .. } => self.streams.get(*stream).terms.priority,
        }
    }

    /// Takes back whatever a lane has not begun.
    pub(crate) fn recall_all(&mut self, number: u32) {
        self.take_back(number, usize::MAX);
    }

    /// Takes up to `count` tasks that have not begun back from a lane; whether there was one.
    pub(super) fn take_back(&mut self, number: u32, count: usize) -> bool {
        let mut any = false;
        for _ in 0..count {
            let Some(recalled) =
                self.lanes.get_mut(&number).and_then(|lane| lane.recall_last())
            else {
                break;
            };
            self.in_flight -= 1;
            any = true;
            self.put_back(recalled);
        }
        self.list_idle(number);
        any
    }

    /// Puts a task that came back from a lane in front of the queue.
    pub(super) fn put_back(&mut self, recalled: Recalled) {
        let Recalled { ticket, deaths, sent, stamp } = recalled;
        let Some(payload) = sent else {
            let cause = "the worker overwrote the task's argument before it died".to_owned();
            let error = TaskError::Decode { type_name: "the argument", message: cause };
            self.counts.failed += u64::from(self.fail(&ticket, error));
            return;
        };
        match ticket {
            Ticket::Task(cell) => {
                cell.take_back(payload);
                if stamp != Stamp::NONE {
                    cell.set_stamp(stamp);
                }
                self.queue.push_front(cell.terms.priority, Waiting::Task { cell, deaths });
            }
            Ticket::Item { stream, index } => {
                let slot = self.streams.get(stream);
                if slot.abandoned {
                    // Nobody wants it any more: it is as if it had been cancelled in time.
                    slot.open -= 1;
                    self.counts.cancelled += 1;
                    return self.streams.close_if_done(stream);
                }
                // Not what stands in the ring of a worker that is gone: that could have been changed.
                let (priority, call) = (slot.terms.priority, slot.call);
                let item = Item { stream, index, call, deaths, payload, stamp };
                self.queue.push_front(priority, Waiting::Item(Box::new(item)));
            }
        }
    }
}
