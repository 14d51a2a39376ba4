//! Taking what the workers have answered, and telling who waits for it.

use super::{Request, State};
use crate::error::TaskError;
use crate::lane::{Beside, Broken, Lane, Phase, Ticket};
use crate::layout::INLINE_BYTES_MAX;
use crate::stream::Entry;
use crate::task_cell::{Answer, Cell};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::Thread;
use std::time::Instant;

/// No task is taken to last longer than this, whatever its worker says.
const TASK_NS_MAX: u64 = 1_000_000_000;

impl State {
    /// Whether a worker has answered what was not taken yet.
    pub(crate) fn has_answers(&mut self) -> bool {
        self.in_flight > 0 && self.lanes.values_mut().any(|lane| lane.has_answers())
    }

    pub(crate) fn take_answers(&mut self) {
        if self.in_flight == 0 {
            return;
        }
        let mut now = None;
        let mut lanes = std::mem::take(&mut self.lanes);
        for (number, lane) in &mut lanes {
            if lane.has_answers() {
                let now = *now.get_or_insert_with(Instant::now);
                self.take_answers_of(*number, lane, now);
            }
        }
        self.lanes = lanes;
    }

    pub(super) fn take_answers_of(&mut self, number: u32, lane: &mut Lane, now: Instant) {
        let before = lane.answered;
        let broken = loop {
            match self.take_answer(lane) {
                Ok(true) => {}
                Ok(false) => break None,
                Err(broken) => break Some(broken),
            }
        };
        lane.release();
        if let Some(Broken(why)) = broken {
            lane.phase = Phase::Doomed;
            self.requests.push(Request::Kill { lane: number, why: Some(why) });
            return;
        }
        let answered = lane.answered - before;
        if answered > 0 {
            lane.since = now;
            self.learn(lane.header().task_ns().load(Ordering::Relaxed));
        }
        lane.send_leave();
        self.list_if_idle(number, lane);
    }

    /// A worker says how long its tasks last: a mean over all lanes and the last few looks at them.
    fn learn(&mut self, task_ns: u64) {
        let task_ns = task_ns.clamp(1, TASK_NS_MAX);
        self.task_ns = match self.measured {
            true => (self.task_ns * 3 + task_ns) / 4,
            false => task_ns,
        };
        self.measured = true;
    }

    /// Takes the next answer; false if there is none.
    #[inline]
    fn take_answer(&mut self, lane: &mut Lane) -> Result<bool, Broken> {
        match lane.flights.front().map(|flight| &flight.ticket) {
            Some(&Ticket::Item { stream, index }) => self.take_item(lane, stream, index),
            Some(Ticket::Task(cell)) => {
                let cell = Arc::clone(cell);
                self.take_task(lane, &cell)
            }
            // A worker that answers what nobody asked is found out by the lane.
            None => lane.next(&mut self.scratch, false).map(|taken| taken.is_some()),
        }
    }

    /// The answer for a map's input: its bytes go straight to the inbox.
    #[inline]
    fn take_item(&mut self, lane: &mut Lane, stream: u32, index: u64) -> Result<bool, Broken> {
        let slot = self.streams.get(stream);
        let Some(taken) = lane.next(&mut slot.inbox.bytes, false)? else {
            return Ok(false);
        };
        let descriptors = taken.beside.and_then(|beside| some(beside.descriptors));
        slot.inbox.entries.push(Entry {
            index,
            end: slot.inbox.bytes.len(),
            outcome: taken.outcome,
            failed: None,
            descriptors,
        });
        slot.open -= 1;
        if slot.thread.is_some() {
            wake(&mut slot.thread, &mut self.roused);
        }
        if slot.abandoned {
            slot.inbox.clear();
            self.streams.close_if_done(stream);
        }
        self.in_flight -= 1;
        self.count(taken.outcome);
        Ok(true)
    }

    /// The answer for a task of `submit`.
    fn take_task(&mut self, lane: &mut Lane, cell: &Cell) -> Result<bool, Broken> {
        self.scratch.clear();
        let Some(taken) = lane.next(&mut self.scratch, cell.is_awaited())? else {
            return Ok(false);
        };
        self.in_flight -= 1;
        let Beside { descriptors, parked } =
            taken.beside.map_or_else(Beside::default, |it| *it);
        let answer = match parked {
            Some(parked) => Answer::Parked(Box::new((parked, descriptors))),
            None => {
                // A large answer is handed over as it is; a small one leaves the buffer to the next.
                let bytes = if self.scratch.len() > INLINE_BYTES_MAX {
                    std::mem::take(&mut self.scratch).into_boxed_slice()
                } else {
                    self.scratch.as_slice().into()
                };
                Answer::Bytes { outcome: taken.outcome, bytes, descriptors: some(descriptors) }
            }
        };
        // A task that was aborted has its end already.
        if self.finish(cell, answer) {
            self.count(taken.outcome);
        }
        Ok(true)
    }

    fn count(&mut self, outcome: u8) {
        match outcome {
            0 => self.counts.completed += 1,
            1 => self.counts.panicked += 1,
            _ => self.counts.failed += 1,
        }
    }

    /// Ends a task of `submit` and tells who waits for it.
    pub(super) fn finish(&mut self, cell: &Cell, answer: Answer) -> bool {
        let Ok(listeners) = cell.finish(answer) else { return false };
        if let Some(mut listeners) = listeners {
            wake(&mut listeners.thread, &mut self.roused);
            self.wakers.extend(listeners.waker);
        }
        true
    }

    /// Ends a task without an answer; false if it had its end already.
    pub(super) fn fail(&mut self, ticket: &Ticket, error: TaskError) -> bool {
        match ticket {
            Ticket::Task(cell) => self.finish(cell, Answer::failed(error)),
            Ticket::Item { stream, index } => {
                self.fail_item(*stream, *index, error);
                true
            }
        }
    }

    pub(crate) fn fail_item(&mut self, stream: u32, index: u64, error: TaskError) {
        let slot = self.streams.get(stream);
        slot.open -= 1;
        slot.fail(index, error);
        wake(&mut slot.thread, &mut self.roused);
        if slot.abandoned {
            slot.inbox.clear();
            self.streams.close_if_done(stream);
        }
    }
}

#[inline]
fn some<T>(list: Vec<T>) -> Option<Box<[T]>> {
    (!list.is_empty()).then(|| list.into_boxed_slice())
}

fn wake(thread: &mut Option<Thread>, roused: &mut bool) {
    if let Some(thread) = thread.take() {
        thread.unpark();
        *roused = true;
    }
}
