//! The worker's answers: the ring of results, the area for large ones, the bell.
//!
//! Invariant: a result that is published is there with all that belongs to it. What travels beside the ring is written
//! and sent before, so a worker that is killed in between has not answered. A result that finds no room (no shared memory,
//! no descriptor) costs its task and not the worker.

use crate::clock::now_ns;
use crate::layout::{Extra, Header, INLINE_BYTES_MAX, ResultTag, Span};
use crate::worker::NO_CONNECTION;
use byte_ring::{Producer, WriteError};
use executor::PoolError;
use shared::{Growing, Segment, SharedError, passing};
use start::keep_standard_numbers;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use supervise::fault::Point;
use supervise::fault_point;
use task::{Call, Outcome, PanicReport};
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
    /// How long it has waited for the program to take results.
    waited_ns: u64,
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
            waited_ns: 0,
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
        let Reply { out, area, results, header, bell: segment, unrung, waited_ns, .. } = self;
        out.clear();
        let mut take = |head: &[u8], body: &[u8]| {
            if body.len() <= INLINE_BYTES_MAX {
                return false;
            }
            if std::mem::take(unrung) {
                bell(segment).ring();
            }
            *waited_ns += wait_for_area(results, header);
            // It takes the program a while to wake up, and this process a while to copy: both at once.
            bell(segment).ring();
            area_len = fill_area(area, head, body).ok();
            area_len.is_some()
        };
        let mut run = || call.run_in_place(argument, out, &mut take);
        let (outcome, mut descriptors) = passing::collect(|| {
            if descriptors.is_empty() { run() } else { passing::provide(descriptors, run) }
        });
        if outcome != Outcome::Returned {
            // They belong to a result that is not told.
            descriptors.clear();
        }
        // A destructor of the result may have panicked behind it: then the report counts.
        let area_len = area_len.filter(|_| outcome == Outcome::Returned);
        Answer { outcome, descriptors, area_len }
    }

    /// The answer to a task whose argument found no room in this process.
    #[cold]
    pub(crate) fn refuse(&mut self, why: String) -> Answer {
        self.out.clear();
        PanicReport::of_value("the argument", why).encode(&mut self.out);
        Answer { outcome: Outcome::DecodeFailed, descriptors: Vec::new(), area_len: None }
    }

    /// Writes the result, shows it, and rings if the program wants to know.
    #[inline]
    pub(crate) fn answer(
        &mut self,
        socket: BorrowedFd<'_>,
        position: u64,
        answer: Answer,
        span: Option<Span>,
    ) -> Result<(), i32> {
        let inline = answer.area_len.is_none()
            && self.out.len() <= INLINE_BYTES_MAX
            && answer.descriptors.is_empty();
        let (outcome, extra) =
            if inline { (answer.outcome, None) } else { self.send_beside(socket, answer)? };
        let tag =
            ResultTag { position, outcome: outcome as u8, extra: extra.is_some() }.to_bits();
        let head = head(span, extra);
        fault_point!(Point::BeforePublish);
        loop {
            let written = match &head {
                None => self.results.write(tag, &self.out),
                Some((head, true)) => self.results.write_parts(tag, head.bytes(), &[]),
                Some((head, false)) => self.results.write_parts(tag, head.bytes(), &self.out),
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

    /// Sends what travels beside the ring. What there is no room for ends its task: then a report is the answer.
    #[cold]
    fn send_beside(
        &mut self,
        socket: BorrowedFd<'_>,
        answer: Answer,
    ) -> Result<(Outcome, Option<Extra>), i32> {
        let mut extra = Extra::default();
        match self.prepare(socket, &answer, &mut extra) {
            Ok(()) => Ok((answer.outcome, Some(extra))),
            Err(Unsent::Broken) => Err(NO_CONNECTION),
            Err(Unsent::Refused(why)) => {
                self.out.clear();
                PanicReport::of_value("the result", why).encode(&mut self.out);
                let outcome = match answer.outcome {
                    Outcome::Returned => Outcome::EncodeFailed,
                    other => other,
                };
                // The program has to take the area's descriptor from the socket, if it is there.
                let sent = extra.new_area;
                let rest = Extra { new_area: true, ..Extra::default() };
                Ok((outcome, sent.then_some(rest)))
            }
        }
    }

    /// Puts a large result into the area, unless it is there, and sends the descriptors. `extra` says what was sent, also
    /// on an error.
    fn prepare(
        &mut self,
        socket: BorrowedFd<'_>,
        answer: &Answer,
        extra: &mut Extra,
    ) -> Result<(), Unsent> {
        // What follows may block until the program has taken earlier results: it must know of them.
        self.ring_if_unrung();
        let descriptors: Vec<BorrowedFd<'_>> =
            answer.descriptors.iter().map(|one| one.as_fd()).collect();
        if descriptors.len() > passing::DESCRIPTORS_MAX {
            return Err(Unsent::Refused(format!(
                "it has {} shared slices, and {} travel at once",
                descriptors.len(),
                passing::DESCRIPTORS_MAX
            )));
        }
        let mut area_len = answer.area_len;
        if area_len.is_none() && self.out.len() > INLINE_BYTES_MAX {
            self.waited_ns += wait_for_area(&mut self.results, &self.header);
            let filled = fill_area(&mut self.area, &self.out, &[]);
            area_len = Some(filled.map_err(|error| Unsent::Refused(error.to_string()))?);
        }
        // Before the record is published: a result that is there is there with all that belongs to it.
        if area_len.is_some() {
            // The area is this process's again, so the program has said by now whether the last one arrived.
            if self.header.results_lost().swap(0, Ordering::AcqRel) != 0 {
                self.area_sent = false;
            }
            if !self.area_sent {
                let area = self.area.as_ref().ok_or(Unsent::Broken)?;
                send(socket, &[area.as_fd()])?;
                self.area_sent = true;
                extra.new_area = true;
            }
        }
        if !descriptors.is_empty() {
            send(socket, &descriptors)?;
        }
        extra.area_len = area_len.map(|len| len as u64);
        extra.descriptors = descriptors.len() as u32;
        Ok(())
    }

    pub(crate) fn ring_if_unrung(&mut self) {
        if std::mem::take(&mut self.unrung) {
            bell(&self.bell).ring();
        }
    }

    /// Waits until the program has taken results.
    fn wait_for_room(&mut self) {
        self.ring_if_unrung();
        let since_ns = now_ns();
        let before = self.results.unread_bytes();
        let results = &mut self.results;
        self.header.room().wait(None, || results.unread_bytes() < before || before == 0);
        self.waited_ns += now_ns().saturating_sub(since_ns);
    }

    /// How long this process has waited in all for the program to take results.
    pub(crate) fn waited_ns(&self) -> u64 {
        self.waited_ns
    }
}

/// Waits until the program has taken every result, and has read those that it left in the area; for how long.
fn wait_for_area(results: &mut Producer, header: &Header) -> u64 {
    let since_ns = now_ns();
    header.room().wait(None, || {
        results.unread_bytes() == 0
            && header.parked().load(Ordering::Acquire) == header.freed().load(Ordering::Acquire)
    });
    now_ns().saturating_sub(since_ns)
}

/// What stands before a result's payload.
struct Head {
    bytes: [u8; Span::BYTES + Extra::BYTES],
    len: usize,
}

impl Head {
    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The head of a result that has one, and whether its payload is in the area.
#[inline]
fn head(span: Option<Span>, extra: Option<Extra>) -> Option<(Head, bool)> {
    if span.is_none() && extra.is_none() {
        return None;
    }
    let mut head = Head { bytes: [0; Span::BYTES + Extra::BYTES], len: 0 };
    if let Some(span) = span {
        head.bytes[..Span::BYTES].copy_from_slice(&span.to_bytes());
        head.len = Span::BYTES;
    }
    if let Some(extra) = extra {
        head.bytes[head.len..head.len + Extra::BYTES].copy_from_slice(&extra.to_bytes());
        head.len += Extra::BYTES;
    }
    Some((head, extra.is_some_and(|extra| extra.area_len.is_some())))
}

/// Why a result was not sent.
enum Unsent {
    /// There is no room for it: its task fails.
    Refused(String),
    /// The program is gone, or its socket is not what it should be.
    Broken,
}

/// Sends descriptors in a message of their own; waits if the socket is full.
fn send(socket: BorrowedFd<'_>, descriptors: &[BorrowedFd<'_>]) -> Result<(), Unsent> {
    passing::send(socket, &[0], descriptors).map_err(|error| match error.raw_os_error() {
        Some(libc::ETOOMANYREFS | libc::ENOBUFS | libc::ENOMEM) => {
            Unsent::Refused(format!("{error}: see `ulimit -n`"))
        }
        _ => Unsent::Broken,
    })
}

/// Writes both parts to the area, which the program is not reading; their length.
fn fill_area(
    area: &mut Option<Growing>,
    first: &[u8],
    second: &[u8],
) -> Result<usize, SharedError> {
    let area = match area {
        Some(area) => area,
        None => {
            // A task may have closed the standard ones, and what prints must not write in here.
            keep_standard_numbers();
            area.insert(Growing::create("procpool-results")?)
        }
    };
    let len = first.len() + second.len();
    area.reserve(len)?;
    let room = area.as_ptr().as_ptr();
    // SAFETY: the area has room for both parts, the program reads it only when a record says so, and neither part lies
    // in it.
    unsafe { room.copy_from_nonoverlapping(first.as_ptr(), first.len()) };
    // SAFETY: the first part is not longer than both.
    let room = unsafe { room.add(first.len()) };
    // SAFETY: as above, behind the first part.
    unsafe { room.copy_from_nonoverlapping(second.as_ptr(), second.len()) };
    Ok(len)
}

fn bell(segment: &Segment) -> &Doorbell {
    segment.at(0).expect("the first word")
}
