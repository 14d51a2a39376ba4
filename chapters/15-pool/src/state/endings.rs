//! Tasks that end in another way than by an answer: with their worker, by cancellation, by abortion.

use super::tracing::outcome_of;
use super::{Request, State};
use crate::clock::now_ns;
use crate::lane::{Doom, Phase, Recalled, Ticket};
use crate::queue::Waiting;
use crate::task_cell::{Answer, Cell, Stage};
use executor::TaskError;
use std::sync::Arc;
use std::time::{Duration, Instant};
use supervise::life::{Action, Cause, Event, Policy, step};
use supervise::{AfterDeath, Retry};

/// How a worker ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    /// With exit code 0.
    pub(crate) clean: bool,
    /// Whether too few workers are left without it.
    pub(crate) replace: bool,
}

/// What is left to do about it, when its tasks are settled.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Aftermath {
    /// Nobody wanted this death.
    pub(crate) count_death: bool,
    /// Another worker is to take its place.
    pub(crate) replace: bool,
}

impl State {
    // ANCHOR: died
    /// A worker is dead and reaped: takes its last answers, puts back what it had not begun, and settles the task that it
    /// was running as the table of [`supervise::life`] says. `why`: what that ends with if nobody wanted the end.
    pub(crate) fn died(
        &mut self,
        number: u32,
        end: End,
        why: impl FnOnce() -> TaskError,
    ) -> Aftermath {
        let Some(mut lane) = self.lanes.remove(&number) else { return Aftermath::default() };
        let phase = std::mem::replace(&mut lane.phase, Phase::Doomed);
        // A limit that is over stays so, even if the answer was faster than the signal.
        if !lane.is_timed_out() {
            self.take_answers_of(number, &mut lane, Instant::now());
        }
        self.in_flight -= lane.flights.len();
        self.retire(&lane);
        let (running, others) = lane.wreck();
        for recalled in others.into_iter().rev() {
            self.put_back(recalled);
        }
        let run = running.as_ref().and_then(|running| self.lost_run(running));
        let mut outcome = None;
        let after_death = running
            .as_ref()
            .map_or(AfterDeath::Fail, |running| self.retry_of(running, running.deaths + 1));
        lane.phase = phase;
        let state = lane.life(running.is_some());
        let policy = Policy { after_death, replace: end.replace };
        let (_, actions) = step(state, Event::Ended { clean: end.clean }, &policy);
        let mut lost = running.map(|running| (running, why));
        let mut aftermath = Aftermath::default();
        for action in actions {
            match action {
                Action::Fail(cause) => {
                    if let Some((running, why)) = lost.take() {
                        outcome =
                            Some(self.lose(number, &running.ticket, cause, lane.doom, why));
                    }
                }
                Action::RunAgain => {
                    if let Some((mut running, _)) = lost.take() {
                        self.times.lost_one();
                        running.deaths += 1;
                        running.stamp = self.stamp_again();
                        self.put_back(running);
                        outcome = Some("worker died, to be run again");
                    }
                }
                Action::CountDeath => aftermath.count_death = true,
                Action::Replace => aftermath.replace = true,
                // Both are done above and by the caller; the others do not end a life.
                Action::TakeBack
                | Action::Release
                | Action::Deliver
                | Action::AskToLeave
                | Action::Kill => {}
            }
        }
        if let Some(outcome) = outcome {
            self.trace_lost(&lane, run, outcome);
        }
        aftermath
    }
    // ANCHOR_END: died

    /// What becomes of a task that was running at so many deaths.
    fn retry_of(&mut self, running: &Recalled, deaths: u32) -> AfterDeath {
        let retries = match &running.ticket {
            Ticket::Task(cell) => cell.terms.retries,
            Ticket::Item { stream, .. } => self.streams.get(*stream).terms.retries,
        };
        Retry { retries }.after_death(deaths)
    }

    /// Ends the task that a dead worker was running; what the trace calls that.
    fn lose(
        &mut self,
        number: u32,
        ticket: &Ticket,
        cause: Cause,
        doom: Option<Doom>,
        why: impl FnOnce() -> TaskError,
    ) -> &'static str {
        self.times.lost_one();
        let error = match (cause, doom) {
            (Cause::Aborted, _) => TaskError::Aborted,
            (Cause::TimedOut, Some(Doom::TimedOut { started_ns })) => {
                let after = Duration::from_nanos(now_ns().saturating_sub(started_ns));
                TaskError::TimedOut { after, backtrace: None }
            }
            _ => why(),
        };
        let outcome = outcome_of(&error);
        let is_timed_out = matches!(error, TaskError::TimedOut { .. });
        let is_aborted = matches!(error, TaskError::Aborted);
        if is_timed_out {
            self.mark(number, outcome, None);
        }
        let ended = u64::from(self.fail(ticket, error));
        match (is_timed_out, is_aborted) {
            (true, _) => self.counts.timed_out += ended,
            (_, true) => self.counts.aborted += ended,
            _ => self.counts.died += ended,
        }
        outcome
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
    pub(crate) fn is_running(&self, cell: &Cell) -> bool {
        self.flight_of(cell)
            .is_some_and(|(lane, running)| running && self.lanes.contains_key(&lane))
    }

    /// The lane that has this task, and whether its worker has begun it.
    fn flight_of(&self, cell: &Cell) -> Option<(u32, bool)> {
        let Stage::Sent { lane: number } = cell.lock().stage else { return None };
        let lane = self.lanes.get(&number)?;
        let first = lane.flights.front()?;
        let is_first =
            matches!(&first.ticket, Ticket::Task(own) if std::ptr::eq(Arc::as_ptr(own), cell));
        Some((number, is_first && lane.is_running(first)))
    }

    /// Ends a task, running or not; false if it has ended.
    pub(crate) fn abort(&mut self, cell: &Arc<Cell>) -> bool {
        if cell.has_ended() {
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
        let Some(lane) = self.lanes.get_mut(&number).filter(|_| !cell.has_ended()) else {
            return false;
        };
        lane.doom = Some(Doom::Aborted);
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
