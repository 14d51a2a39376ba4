//! The worker's answers: the ring of results, the area for large ones, the bell.
//!
//! Invariant: a result that is published is there with all that belongs to it. What travels beside the ring is written
//! and sent before, so a worker that is killed in between has not answered.

use crate::error::PoolError;
use crate::layout::{Extra, Header, INLINE_BYTES_MAX, ResultTag};
use crate::worker::NO_CONNECTION;
use byte_ring::{Producer, WriteError};
use shared::{Growing, Segment, passing};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use supervise::fault::Point;
use supervise::fault_point;
use task::{Call, Outcome};
use wake::Doorbell;

/// The worker's side of its lane's ring of results.
pub(crate) struct Reply {
    header: Header,
    bell: Segment,
    results: Producer,
    /// Large results; this process writes.
    area: Option<Growing>,
    /// Whether the program knows the area.
    area_sent: bool,
    answered: u64,
    /// A result was published and the bell not rung for it.
    unrung: bool,
    out: Vec<u8>,
}

/// What is to be told of a task that ran; its payload is in `out`.
pub(crate) struct Answer {
    outcome: Outcome,
    descriptors: Vec<Arc<OwnedFd>>,
    /// How many bytes of it are in the area instead.
    area_len: Option<usize>,
}

/// A larger buffer is not kept for the next result.
const OUT_BYTES_KEPT: usize = 1 << 20;
impl Reply {
    pub(crate) fn new(header: Header, bell: Segment) -> Result<Reply, i32> {
        let results = header.result_producer().map_err(|_: PoolError| NO_CONNECTION)?;
        Ok(Reply {
            header,
            bell,
            results,
            area: None,
            area_sent: false,
            answered: 0,
            unrung: false,
            out: Vec::new(),
        })
    }

    /// Runs a call. A large vector of numbers goes from its own memory to the area; then its length is returned.
    #[inline]
    pub(crate) fn run(
        &mut self,
        call: Call,
        argument: &[u8],
        descriptors: Vec<OwnedFd>,
    ) -> Answer {
        let mut area_len = None;
        let Reply { out, area, results, header, bell: segment, unrung, .. } = self;
        out.clear();
        let mut take = |head: &[u8], body: &[u8]| {
            if body.len() <= INLINE_BYTES_MAX {
                return false;
            }
            if std::mem::take(unrung) {
                bell(segment).ring();
            }
            wait_for_area(results, header);
            // It takes the program a while to wake up, and this process a while to copy: both at once.
            bell(segment).ring();
            area_len = fill_area(area, head, body);
            area_len.is_some()
        };
        let mut run = || call.run_in_place(argument, out, &mut take);
        let (outcome, descriptors) = passing::collect(|| {
            if descriptors.is_empty() { run() } else { passing::provide(descriptors, run) }
        });
        // A destructor of the result may have panicked behind it: then the report counts.
        let area_len = area_len.filter(|_| outcome == Outcome::Returned);
        Answer { outcome, descriptors, area_len }
    }

    /// Writes the result, shows it, and rings if the program wants to know.
    #[inline]
    pub(crate) fn answer(
        &mut self,
        socket: BorrowedFd<'_>,
        position: u64,
        answer: Answer,
    ) -> Result<(), i32> {
        let Answer { outcome, descriptors, area_len } = answer;
        let extra =
            area_len.is_some() || self.out.len() > INLINE_BYTES_MAX || !descriptors.is_empty();
        let tag = ResultTag { position, outcome: outcome as u8, extra }.to_bits();
        let descriptors: Vec<BorrowedFd<'_>> =
            descriptors.iter().map(|one| one.as_fd()).collect();
        let head = if extra {
            Some(self.prepare_extra(socket, &descriptors, area_len)?)
        } else {
            None
        };
        fault_point!(Point::BeforePublish);
        loop {
            let written = match &head {
                None => self.results.write(tag, &self.out),
                Some((head, true)) => self.results.write_parts(tag, head, &[]),
                Some((head, false)) => self.results.write_parts(tag, head, &self.out),
            };
            match written {
                Ok(_) => break,
                Err(WriteError::Full) => self.wait_for_room(),
                Err(_) => return Err(NO_CONNECTION),
            }
        }
        self.results.publish();
        self.answered += 1;
        fault_point!(Point::AfterPublish);
        if self.out.capacity() > OUT_BYTES_KEPT {
            self.out = Vec::new();
        }
        // The result is published above and `wanted` read below; the program does it the other way round.
        std::sync::atomic::fence(Ordering::SeqCst);
        self.unrung = self.answered < self.header.wanted().load(Ordering::Relaxed);
        // Whoever is awake looks at the ring before it sleeps, and need not be rung for.
        if !self.unrung && bell(&self.bell).is_armed() {
            fault_point!(Point::BeforeRing);
            bell(&self.bell).ring();
        }
        Ok(())
    }

    /// Puts a large result into the area, unless it is there, and sends what travels beside the ring. The head of the
    /// record, and whether the payload is in the area.
    fn prepare_extra(
        &mut self,
        socket: BorrowedFd<'_>,
        descriptors: &[BorrowedFd<'_>],
        mut area_len: Option<usize>,
    ) -> Result<([u8; Extra::BYTES], bool), i32> {
        // What follows may block until the program has taken earlier results: it must know of them.
        self.ring_if_unrung();
        if area_len.is_none() && self.out.len() > INLINE_BYTES_MAX {
            wait_for_area(&mut self.results, &self.header);
            area_len = Some(fill_area(&mut self.area, &self.out, &[]).ok_or(NO_CONNECTION)?);
        }
        let new_area = area_len.is_some() && !self.area_sent;
        // Before the record is published: a result that is there is there with all that belongs to it.
        if new_area {
            let area = self.area.as_ref().ok_or(NO_CONNECTION)?;
            passing::send(socket, &[0], &[area.as_fd()]).map_err(|_| NO_CONNECTION)?;
            self.area_sent = true;
        }
        if !descriptors.is_empty() {
            for part in descriptors.chunks(passing::DESCRIPTORS_MAX) {
                passing::send(socket, &[0], part).map_err(|_| NO_CONNECTION)?;
            }
        }
        let extra = Extra {
            call: 0,
            area_len: area_len.map(|len| len as u64),
            descriptors: descriptors.len() as u32,
            new_area,
        };
        Ok((extra.to_bytes(), area_len.is_some()))
    }

    pub(crate) fn ring_if_unrung(&mut self) {
        if std::mem::take(&mut self.unrung) {
            bell(&self.bell).ring();
        }
    }

    /// Waits until the program has taken results.
    fn wait_for_room(&mut self) {
        self.ring_if_unrung();
        let before = self.results.unread_bytes();
        let results = &mut self.results;
        self.header.room().wait(None, || results.unread_bytes() < before || before == 0);
    }
}

/// Waits until the program has taken every result, and has read those that it left in the area.
fn wait_for_area(results: &mut Producer, header: &Header) {
    header.room().wait(None, || {
        results.unread_bytes() == 0
            && header.parked().load(Ordering::Acquire) == header.freed().load(Ordering::Acquire)
    });
}

/// Writes both parts to the area, which the program is not reading; their length. `None`: no memory.
fn fill_area(area: &mut Option<Growing>, first: &[u8], second: &[u8]) -> Option<usize> {
    if area.is_none() {
        *area = Some(Growing::create("procpool-results").ok()?);
    }
    let area = area.as_mut()?;
    let len = first.len() + second.len();
    area.reserve(len).ok()?;
    let room = area.as_ptr().as_ptr();
    // SAFETY: the area has room for both parts, the program reads it only when a record says so, and neither part lies
    // in it.
    unsafe { room.copy_from_nonoverlapping(first.as_ptr(), first.len()) };
    // SAFETY: the first part is not longer than both.
    let room = unsafe { room.add(first.len()) };
    // SAFETY: as above, behind the first part.
    unsafe { room.copy_from_nonoverlapping(second.as_ptr(), second.len()) };
    Some(len)
}

fn bell(segment: &Segment) -> &Doorbell {
    segment.at(0).expect("the first word")
}
