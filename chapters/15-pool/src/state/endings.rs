//! Tasks that end in another way than by an answer: with their worker, by cancellation, by abortion.

use super::{Request, State};
use crate::error::TaskError;
use crate::lane::{Phase, Ticket};
use crate::queue::Waiting;
use crate::task_cell::{Answer, Cell, Stage};
use std::sync::Arc;
use std::time::Instant;
use supervise::{AfterDeath, Retry};

impl State {
    /// A worker is dead: takes its last answers, fails or repeats the task that it was running, puts the others back.
    pub(crate) fn died(&mut self, number: u32, why: impl FnOnce() -> TaskError) {
        let Some(mut lane) = self.lanes.remove(&number) else { return };
        self.take_answers_of(number, &mut lane, Instant::now());
        self.in_flight -= lane.flights.len();
        let (running, others) = lane.wreck();
        for recalled in others.into_iter().rev() {
            self.put_back(recalled);
        }
        let Some(mut running) = running else { return };
        let retries = match &running.ticket {
            Ticket::Task(cell) => cell.retries,
            Ticket::Item { stream, .. } => self.streams.get(*stream).retries,
        };
        running.deaths += 1;
        if lane.aborted {
            self.counts.aborted += u64::from(self.fail(&running.ticket, TaskError::Aborted));
        } else if (Retry { retries }).after_death(running.deaths) == AfterDeath::RunAgain {
            self.put_back(running);
        } else {
            self.counts.died += u64::from(self.fail(&running.ticket, why()));
        }
    }

    /// Ends a task that has not begun; false if it has, or has ended.
    pub(crate) fn cancel(&mut self, cell: &Arc<Cell>) -> bool {
        if !self.withdraw(cell) {
            return false;
        }
        self.counts.cancelled += 1;
        self.finish(cell, Answer::failed(TaskError::Cancelled))
    }

    /// Takes a task that has not begun out of the queue or out of its lane; whether it could.
    fn withdraw(&mut self, cell: &Arc<Cell>) -> bool {
        let lane = match &cell.lock().stage {
            Stage::Waiting(_) => None,
            Stage::Sent { lane } => Some(*lane),
            _ => return false,
        };
        let Some(number) = lane else {
            self.queue.forget_one();
            return true;
        };
        let lane = self.lanes.get_mut(&number);
        if lane.and_then(|lane| lane.recall_cell(cell)).is_none() {
            return false;
        }
        self.in_flight -= 1;
        self.list_idle(number);
        true
    }

    /// Whether a worker has begun this task.
    pub(crate) fn is_running(&self, cell: &Arc<Cell>) -> bool {
        self.flight_of(cell)
            .is_some_and(|(lane, running)| running && self.lanes.contains_key(&lane))
    }

    /// The lane that has this task, and whether its worker has begun it.
    fn flight_of(&self, cell: &Arc<Cell>) -> Option<(u32, bool)> {
        let Stage::Sent { lane: number } = cell.lock().stage else { return None };
        let lane = self.lanes.get(&number)?;
        let first = lane.flights.front()?;
        let is_first = matches!(&first.ticket, Ticket::Task(own) if Arc::ptr_eq(own, cell));
        Some((number, is_first && lane.is_running(first)))
    }

    /// Ends a task, running or not; false if it has ended.
    pub(crate) fn abort(&mut self, cell: &Arc<Cell>) -> bool {
        if cell.is_done() {
            return false;
        }
        if self.withdraw(cell) {
            self.counts.aborted += 1;
            return self.finish(cell, Answer::failed(TaskError::Aborted));
        }
        let Some((number, _)) = self.flight_of(cell) else { return false };
        // What is behind it goes elsewhere first: its worker could begin it before it is dead.
        self.recall_all(number);
        self.take_answers();
        let Some(lane) = self.lanes.get_mut(&number).filter(|_| !cell.is_done()) else {
            return false;
        };
        lane.aborted = true;
        lane.phase = Phase::Doomed;
        self.requests
            .push(Request::Kill { lane: number, why: Some("its task was aborted".into()) });
        self.counts.aborted += 1;
        self.finish(cell, Answer::failed(TaskError::Aborted));
        true
    }

    /// A map's iterator is gone: what has not begun never will.
    pub(crate) fn abandon(&mut self, stream: u32) {
        let removed = self.queue.remove_stream(stream) as u64;
        let numbers: Vec<u32> = self.lanes.keys().copied().collect();
        let mut recalled = 0;
        for number in numbers {
            let count = self.lanes.get_mut(&number).map_or(0, |lane| lane.drop_stream(stream));
            self.in_flight -= count;
            recalled += count as u64;
            self.list_idle(number);
        }
        self.counts.cancelled += removed + recalled;
        let slot = self.streams.get(stream);
        slot.open -= removed + recalled;
        slot.abandoned = true;
        slot.inbox.clear();
        self.streams.close_if_done(stream);
    }

    /// Ends everything that has not begun.
    pub(crate) fn cancel_all(&mut self, mut error: impl FnMut() -> TaskError) {
        let numbers: Vec<u32> = self.lanes.keys().copied().collect();
        for number in numbers {
            self.take_back(number, usize::MAX);
        }
        for waiting in self.queue.drain() {
            match waiting {
                Waiting::Task { cell, .. } => {
                    self.counts.cancelled +=
                        u64::from(self.finish(&cell, Answer::failed(error())));
                }
                Waiting::Item(item) => {
                    self.counts.cancelled += 1;
                    self.fail_item(item.stream, item.index, error());
                }
                Waiting::Batch(batch) => {
                    for sent in batch.sent..batch.ends.len() {
                        self.counts.cancelled += 1;
                        self.fail_item(batch.stream, batch.first_index + sent as u64, error());
                    }
                }
            }
        }
    }
}
