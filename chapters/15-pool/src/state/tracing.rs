//! What a traced pool notes of its tasks; see [`crate::trace`]. A pool that is not traced asks once per lane and visit
//! whether it is.

use super::{Stamp, State};
use crate::lane::{Broken, Lane, Recalled, Ticket};
use crate::trace::{Key, PROGRAM, Run, row_of};
use executor::TaskError;

impl State {
    /// The stamp of inputs of a map that are accepted now.
    pub(crate) fn accept_batch(&mut self, stream: u32, first_index: u64, count: u64) -> Stamp {
        let Some(trace) = &mut self.trace else { return Stamp::now(false) };
        let at_ns = trace.submitted(count);
        self.streams.get(stream).submitted.add(first_index, count, at_ns);
        Stamp::at(at_ns)
    }

    /// A lane has got its worker.
    pub(crate) fn add_lane(&mut self, number: u32, lane: Box<Lane>) {
        if let Some(trace) = &mut self.trace {
            trace.worker(number, lane.pid);
        }
        self.lanes.insert(number, lane);
    }

    /// Something happened to a lane's worker.
    pub(crate) fn mark(&mut self, number: u32, name: &'static str, detail: Option<&str>) {
        if let Some(trace) = &mut self.trace {
            trace.mark(row_of(number), name, detail.map(Into::into));
        }
    }

    /// Something happened to the pool.
    pub(crate) fn mark_pool(&mut self, name: &'static str, detail: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.mark(PROGRAM, name, Some(detail().into()));
        }
    }

    /// Notes how many tasks wait and run.
    pub(super) fn trace_turn(&mut self) {
        let Some(trace) = &mut self.trace else { return };
        let lanes = &self.lanes;
        trace.turned(self.queue.len() + self.in_flight, || {
            lanes.values().filter(|lane| lane.is_busy()).count()
        });
    }

    /// Which task it is, and when it was submitted.
    fn run_of(&mut self, ticket: &Ticket, deaths: u32) -> Run {
        match ticket {
            Ticket::Task(cell) => Run {
                key: Key { id: cell.id, index: None },
                call: cell.call,
                deaths,
                submitted_ns: cell.stamped_ns(),
            },
            Ticket::Item { stream, index } => {
                let slot = self.streams.get(*stream);
                Run {
                    key: Key { id: slot.id, index: Some(*index) },
                    call: slot.call,
                    deaths,
                    submitted_ns: slot.submitted.take(*index),
                }
            }
        }
    }

    /// As [`State::take_answer`], and notes the run.
    #[cold]
    pub(super) fn take_traced(&mut self, lane: &mut Lane) -> Result<bool, Broken> {
        let Some(flight) = lane.flights.front() else { return self.take_plain(lane) };
        let aborted = matches!(&flight.ticket, Ticket::Task(cell) if cell.has_ended());
        // While the stream is sure to be there.
        if !lane.has_result() {
            return Ok(false);
        }
        let Some(flight) = lane.flights.front() else { return Ok(false) };
        let run = self.run_of(&flight.ticket, flight.deaths);
        if !self.take_plain(lane)? {
            return Ok(false);
        }
        let outcome = match lane.outcome {
            _ if aborted => "aborted",
            0 => "returned",
            1 => "panicked",
            2 => "argument not decoded",
            _ => "result not encoded",
        };
        if let Some(trace) = &mut self.trace {
            let span = (lane.span.start_ns, lane.span.end_ns);
            lane.row_free_ns = trace.ran(run, lane.row, lane.row_free_ns, span, outcome);
        }
        Ok(true)
    }

    /// A lane's answers were taken.
    #[inline]
    pub(super) fn trace_taken(&mut self) {
        if let Some(trace) = &mut self.trace {
            trace.did("take results");
        }
    }

    /// The task that went with its worker, if the pool is traced; to be called while its map is sure to be there.
    pub(super) fn lost_run(&mut self, running: &Recalled) -> Option<Run> {
        self.trace.as_ref()?;
        Some(self.run_of(&running.ticket, running.deaths))
    }

    /// Notes that run.
    pub(super) fn trace_lost(&mut self, lane: &Lane, run: Option<Run>, outcome: &'static str) {
        let (Some(trace), Some(run)) = (&mut self.trace, run) else { return };
        let started_ns = lane.header().started_ns().load(std::sync::atomic::Ordering::Relaxed);
        trace.ran(run, lane.row, lane.row_free_ns, (started_ns, u64::MAX), outcome);
        trace.did("lose a worker");
    }

    /// The stamp of a task that is to run again.
    pub(super) fn stamp_again(&mut self) -> Stamp {
        match &mut self.trace {
            Some(trace) => Stamp::at(trace.submitted(1)),
            None => Stamp::now(false),
        }
    }
}

/// An outcome's name in the trace.
pub(super) fn outcome_of(error: &TaskError) -> &'static str {
    match error {
        TaskError::WorkerDied { .. } => "worker died",
        TaskError::TimedOut { .. } => "timed out",
        TaskError::Aborted => "aborted",
        _ => "failed",
    }
}
