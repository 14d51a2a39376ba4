//! Tasks that come back from a lane: taken back before they began, or left behind by a worker that died.
//!
//! Invariant: what comes back is what was sent, whatever the worker has written into its ring since.

use super::{Flight, Lane, Recalled, Ticket};
use crate::layout::mark;
use crate::state::Stamp;
use crate::task_cell::{Cell, Payload};
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Lane {
    /// Takes back the task that was sent last, unless it has begun.
    pub(crate) fn recall_last(&mut self) -> Option<Recalled> {
        self.recall(self.flights.len().checked_sub(1)?)
    }

    /// Takes back the task of this cell, unless it has begun.
    pub(crate) fn recall_cell(&mut self, cell: &Arc<Cell>) -> Option<Recalled> {
        let is_it = |flight: &Flight| matches!(&flight.ticket, Ticket::Task(own) if Arc::ptr_eq(own, cell));
        self.recall(self.flights.iter().position(is_it)?)
    }

    /// Takes back every input of a map that has not begun, and drops it; how many there were.
    pub(crate) fn drop_stream(&mut self, stream: u32) -> usize {
        let mut dropped = 0;
        for at in (0..self.flights.len()).rev() {
            let ticket = &self.flights[at].ticket;
            if matches!(ticket, Ticket::Item { stream: own, .. } if *own == stream)
                && self.recall(at).is_some()
            {
                dropped += 1;
            }
        }
        dropped
    }

    /// Takes back the flight at this place, unless it has begun.
    pub(crate) fn recall(&mut self, at: usize) -> Option<Recalled> {
        let mark = self.tasks.mark(self.flights[at].position).ok()?;
        mark.compare_exchange(mark::SENT, mark::RECALLED, Ordering::AcqRel, Ordering::Relaxed)
            .ok()?;
        let flight = self.flights.remove(at).expect("was looked at");
        let recalled = self.unload(flight);
        self.forget();
        Some(recalled)
    }

    /// The worker is dead: its first flight if it was begun, and what it had not begun.
    pub(crate) fn wreck(&mut self) -> (Option<Recalled>, Vec<Recalled>) {
        let flights = std::mem::take(&mut self.flights);
        let mut running = None;
        let mut others = Vec::new();
        for (place, flight) in flights.into_iter().enumerate() {
            // What it was killed for was begun, and may be answered by now.
            let begun = place == 0
                && (self.is_spoilt || self.is_timed_out() || !self.is_waiting(&flight));
            let recalled = self.unload(flight);
            if begun { running = Some(recalled) } else { others.push(recalled) }
        }
        (running, others)
    }

    /// Whether the worker has certainly not begun a flight. A task never runs twice because its mark cannot be read.
    fn is_waiting(&self, flight: &Flight) -> bool {
        let mark = self.tasks.mark(flight.position);
        mark.is_ok_and(|mark| mark.load(Ordering::Acquire) == mark::SENT)
    }

    /// The flight's payload, as it was sent.
    fn unload(&mut self, flight: Flight) -> Recalled {
        let Flight { ticket, deaths, in_area, place, attached, .. } = flight;
        let bytes = if in_area {
            self.area_in_use = false;
            self.copy_of_area(place.len)
        } else {
            Some(self.kept.get(place))
        };
        let sent = bytes.map(|bytes| Payload { bytes, attached });
        Recalled { ticket, deaths, sent, stamp: Stamp::NONE }
    }

    /// The large argument; `None` if there is no such memory.
    fn copy_of_area(&self, len: usize) -> Option<Box<[u8]>> {
        let area = self.area.as_ref().filter(|area| len <= area.mapped_bytes())?;
        // SAFETY: so many bytes are mapped, and this side wrote all of them. A worker that is alive may only read them.
        let whole = unsafe { std::slice::from_raw_parts(area.as_ptr().as_ptr(), len) };
        Some(whole.into())
    }
}
