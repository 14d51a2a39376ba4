//! What the pool asks of its supervisor: more or fewer workers, and the end.

use super::{Due, Order, Scaling, Supervisor};
use crate::lane::Phase;
use crate::state::Request;
use executor::PoolError;
use std::sync::mpsc::{Sender, TryRecvError};

impl Supervisor {
    pub(super) fn obey(&mut self) {
        let requests = std::mem::take(&mut self.core.lock().requests);
        self.perform(requests);
        loop {
            match self.orders.try_recv() {
                Ok(Order::ScaleTo(count, answer)) => self.scale_to(count, answer),
                Ok(Order::Leave) => {
                    self.ending = true;
                    self.ask_to_leave(self.workers.len());
                }
                Ok(Order::Kill) => {
                    self.ending = true;
                    self.kill_all();
                }
                Err(TryRecvError::Empty) => return,
                // The pool is gone without a word, which it never is.
                Err(TryRecvError::Disconnected) => {
                    self.ending = true;
                    self.kill_all();
                    return;
                }
            }
        }
    }

    pub(super) fn perform(&mut self, requests: Vec<Request>) {
        for request in requests {
            match request {
                Request::Kill { lane, why } => {
                    self.condemn(lane, why.unwrap_or_else(|| "killed on request".into()));
                }
                Request::Replace { lane } => {
                    let due = self.epoch.elapsed().saturating_add(self.options.start_timeout);
                    self.due.insert(due, Due::Leaving(lane));
                    self.replace();
                }
                // Each turn looks at the limits.
                Request::Watch => {}
            }
        }
    }

    pub(super) fn scale_to(&mut self, count: usize, answer: Sender<Result<(), PoolError>>) {
        if self.scaling.is_some() {
            return self.next_scalings.push_back((count, answer));
        }
        let staying = self.staying();
        self.core.lock().mark_pool("scale", || format!("to {count} workers"));
        let target_before = std::mem::replace(&mut self.target, count);
        if count <= staying {
            self.ask_to_leave(staying - count);
            let _ = answer.send(Ok(()));
            return;
        }
        let first_lane = self.next_lane;
        self.scaling = Some(Scaling { answer, first_lane, target_before });
        if let Err(error) = self.start_missing() {
            self.scaling_failed(first_lane, error);
        }
    }

    /// One of the new workers cannot be had: the others are not wanted either. False if nobody waits for this lane.
    pub(super) fn scaling_failed(&mut self, lane: u32, error: PoolError) -> bool {
        let Some(scaling) = self.scaling.take_if(|scaling| lane >= scaling.first_lane) else {
            return false;
        };
        let _ = scaling.answer.send(Err(error));
        self.target = scaling.target_before;
        let surplus: Vec<u32> =
            self.workers.range(scaling.first_lane..).map(|(n, _)| *n).collect();
        for number in surplus {
            self.dismiss(number);
        }
        true
    }

    /// Asks one worker to leave.
    fn dismiss(&mut self, number: u32) {
        let mut state = self.core.lock();
        state.recall_all(number);
        if let Some(lane) = state.lanes.get_mut(&number) {
            lane.leave();
        }
        state.turn();
        self.core.leave(state);
    }

    /// Asks so many workers to leave, the idle ones first; they finish what they have.
    fn ask_to_leave(&mut self, count: usize) {
        let mut state = self.core.lock();
        let mut numbers: Vec<(usize, u32)> = state
            .lanes
            .iter()
            .filter(|(_, lane)| matches!(lane.phase, Phase::Ready | Phase::Starting))
            .map(|(number, lane)| (lane.flights.len(), *number))
            .collect();
        numbers.sort_unstable();
        for (_, number) in numbers.into_iter().take(count) {
            state.recall_all(number);
            if let Some(lane) = state.lanes.get_mut(&number) {
                lane.leave();
            }
        }
        state.turn();
        self.core.leave(state);
    }
}
