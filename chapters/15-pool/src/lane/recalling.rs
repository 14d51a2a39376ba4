//! Tasks that come back from a lane: taken back before they began, or left behind by a worker that died.
//!
//! Invariant: a record is read before its mark is changed. Once it is marked as recalled, the worker may pass over it and
//! give its room back.

use super::{Flight, Lane, Recalled, Ticket};
use crate::layout::{Extra, TaskTag, mark};
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

    fn recall(&mut self, at: usize) -> Option<Recalled> {
        // Read first: once it is marked, the worker may pass over the record and give its room back.
        let position = self.flights[at].position;
        let mut bytes = Vec::new();
        let tag = self.tasks.read_back(position, &mut bytes).ok()?;
        let mark = self.tasks.mark(position).ok()?;
        mark.compare_exchange(mark::SENT, mark::RECALLED, Ordering::AcqRel, Ordering::Relaxed)
            .ok()?;
        let flight = self.flights.remove(at).expect("was looked at");
        Some(self.unload(flight, Some((tag, bytes))))
    }

    /// The worker is dead: its first flight if it was begun, and what it had not begun.
    pub(crate) fn wreck(&mut self) -> (Option<Recalled>, Vec<Recalled>) {
        let flights = std::mem::take(&mut self.flights);
        let mut running = None;
        let mut others = Vec::new();
        for (place, flight) in flights.into_iter().enumerate() {
            let begun = place == 0 && self.is_running(&flight);
            let mut bytes = Vec::new();
            let tag = self.tasks.read_back(flight.position, &mut bytes).ok();
            let recalled = self.unload(flight, tag.map(|tag| (tag, bytes)));
            if begun { running = Some(recalled) } else { others.push(recalled) }
        }
        (running, others)
    }

    /// The flight's call and payload, from the record that was read back.
    fn unload(&mut self, flight: Flight, record: Option<(u64, Vec<u8>)>) -> Recalled {
        let sent = record.and_then(|(tag, bytes)| self.parse(tag, bytes, flight.in_area));
        if flight.in_area {
            self.area_in_use = false;
        }
        let Flight { ticket, deaths, attached, .. } = flight;
        let sent = sent.map(|bytes| Payload { bytes: bytes.into_boxed_slice(), attached });
        Recalled { ticket, deaths, sent }
    }

    fn parse(&self, tag: u64, mut bytes: Vec<u8>, in_area: bool) -> Option<Vec<u8>> {
        match TaskTag::from_bits(tag)? {
            TaskTag::Call(_) => Some(bytes),
            TaskTag::Extra => {
                let (extra, _) = Extra::split(&bytes)?;
                bytes.drain(..Extra::BYTES);
                if in_area {
                    let area = self.area.as_ref()?;
                    let len = usize::try_from(extra.area_len?).ok()?;
                    if len > area.mapped_bytes() {
                        return None;
                    }
                    // SAFETY: so many bytes are mapped, and this side wrote all of them. A worker that is alive may
                    // only read them.
                    let whole =
                        unsafe { std::slice::from_raw_parts(area.as_ptr().as_ptr(), len) };
                    bytes = whole.to_vec();
                }
                Some(bytes)
            }
            TaskTag::Leave => None,
        }
    }
}
