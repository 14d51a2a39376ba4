//! Taking what the workers have answered, and telling who waits for it.

use super::{Request, State};
use crate::lane::{Beside, Broken, Lane, Ticket};
use crate::layout::INLINE_BYTES_MAX;
use crate::stream::Entry;
use crate::task_cell::{Answer, Cell, Finish, Listeners};
use executor::TaskError;
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
        self.trace_taken();
        if let Some(Broken(why)) = broken {
            lane.spoil();
            self.requests.push(Request::Kill { lane: number, why: Some(why) });
            return;
        }
        let answered = lane.answered - before;
        if answered > 0 {
            lane.since = now;
            self.learn(lane.header().task_ns().load(Ordering::Relaxed));
        }
        lane.send_leave();
        if answered > 0 {
            self.recycle_if_due(number, lane);
        }
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
        if lane.is_traced() { self.take_traced(lane) } else { self.take_plain(lane) }
    }

    #[inline]
    pub(super) fn take_plain(&mut self, lane: &mut Lane) -> Result<bool, Broken> {
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
        let (descriptors, failed) = match taken.beside {
            None => (None, None),
            Some(beside) => (some(beside.descriptors), beside.lost.map(lost)),
        };
        let is_lost = failed.is_some();
        slot.inbox.entries.push(Entry {
            index,
            end: slot.inbox.bytes.len(),
            outcome: taken.outcome,
            failed,
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
        self.count(taken.outcome, is_lost);
        Ok(true)
    }

    /// The answer for a task of `submit`.
    fn take_task(&mut self, lane: &mut Lane, cell: &Arc<Cell>) -> Result<bool, Broken> {
        self.scratch.clear();
        let Some(taken) = lane.next(&mut self.scratch, cell.is_awaited())? else {
            return Ok(false);
        };
        self.in_flight -= 1;
        let Beside { descriptors, parked, lost: why } =
            taken.beside.map_or_else(Beside::default, |it| *it);
        let is_lost = why.is_some();
        let answer = match (why, parked) {
            (Some(why), _) => Answer::Failed(lost(why)),
            (None, Some(parked)) => Answer::Parked(Box::new((parked, descriptors))),
            (None, None) => {
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
            self.count(taken.outcome, is_lost);
        }
        Ok(true)
    }

    fn count(&mut self, outcome: u8, is_lost: bool) {
        match outcome {
            _ if is_lost => self.counts.failed += 1,
            0 => self.counts.completed += 1,
            1 => self.counts.panicked += 1,
            _ => self.counts.failed += 1,
        }
    }

    /// Ends a task of `submit` and tells who waits for it.
    pub(super) fn finish(&mut self, cell: &Arc<Cell>, answer: Answer) -> bool {
        match cell.finish(answer) {
            Finish::Done(listeners) => {
                if let Some(listeners) = listeners {
                    self.tell(*listeners);
                }
            }
            Finish::ToTell => self.to_tell.push(Arc::clone(cell)),
            Finish::Late => return false,
        }
        true
    }

    /// Tells those who wait for a task that is done.
    pub(crate) fn tell(&mut self, mut listeners: Listeners) {
        wake(&mut listeners.thread, &mut self.roused);
        if let Some(waker) = listeners.waker {
            self.wakers.push(waker);
            // It may stand for a thread that serves.
            self.roused = true;
        }
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

/// The end of a task whose result found no room in this process.
#[cold]
fn lost(message: String) -> Box<TaskError> {
    Box::new(TaskError::Decode { type_name: "the result", message })
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
