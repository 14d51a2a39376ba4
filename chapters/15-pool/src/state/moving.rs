//! Moving tasks that were sent and have not begun: to a lane that has nothing to do, or back into the queue.

use super::State;
use crate::error::TaskError;
use crate::lane::{Recalled, Ticket};
use crate::queue::{Item, Waiting};
use std::time::Duration;

/// Less work than this is not worth a move.
const WORTH: Duration = Duration::from_micros(100);
/// A lane whose tasks have waited so long for their neighbour is helped, whatever tasks have lasted before.
pub(super) const HELD_UP: Duration = Duration::from_millis(1);

impl State {
    /// When nothing waits and a lane has nothing to do: takes tasks back from the lane that has the most.
    pub(super) fn share_out(&mut self) {
        while self.queue.len() == 0 && !self.idle.is_empty() {
            let worth = 1 + (WORTH.as_nanos() as u64 / self.task_ns.max(1)) as usize;
            let fullest = self.lanes.iter().max_by_key(|(_, lane)| lane.flights.len());
            let Some((&number, lane)) = fullest else { return };
            let held_up = lane.since.elapsed() > HELD_UP;
            let count = lane.flights.len() / 2;
            if count == 0
                || ((lane.flights.len() <= worth || self.enough_are_busy()) && !held_up)
                || !self.take_back(number, count)
            {
                return;
            }
            self.send_waiting();
        }
    }

    /// Whether tasks are behind others in a lane while another lane has nothing to do.
    pub(crate) fn is_uneven(&self) -> bool {
        !self.idle.is_empty()
            && (self.queue.len() > 0 || self.lanes.values().any(|lane| lane.flights.len() > 1))
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
        let Recalled { ticket, deaths, sent } = recalled;
        let Some(payload) = sent else {
            let cause = "the worker overwrote the task's argument before it died".to_owned();
            let error = TaskError::Decode { type_name: "the argument", message: cause };
            self.counts.failed += u64::from(self.fail(&ticket, error));
            return;
        };
        match ticket {
            Ticket::Task(cell) => {
                cell.take_back(payload);
                self.queue.push_front(cell.priority, Waiting::Task { cell, deaths });
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
                let (priority, call) = (slot.priority, slot.call);
                let item = Item { stream, index, call, deaths, payload };
                self.queue.push_front(priority, Waiting::Item(Box::new(item)));
            }
        }
    }
}
