//! Sending what waits: which lane, how much ahead, and what happens if it does not fit.
//!
//! How far a lane is filled depends on how long tasks last. Short ones are sent by the hundred, so that a wake-up is paid
//! once for all of them; long ones one at a time, so that they start in order. What was sent and has not begun can be
//! taken back, so a wrong guess costs a move and not the wait for a neighbour.

use super::moving::HELD_UP;
use super::{Request, Stamp, State};
use crate::lane::{Broken, Lane, NotSent, Phase, Ticket};
use crate::queue::{Batch, Item, Waiting};
use crate::task_cell::{Answer, Cell, Payload};
use executor::TaskError;
use shared::Growing;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How much work a lane is given ahead, in time.
const AHEAD: Duration = Duration::from_micros(300);
/// Tasks that take longer than this are sent one at a time, so that equals start in order.
const LONG: Duration = Duration::from_micros(150);
/// Tasks shorter than this are given to as many workers as there are processors: to wake more helps nobody.
const SHORT: Duration = Duration::from_micros(10);
/// The most tasks in one lane.
const FLIGHTS_MAX: usize = 2048;
/// After so many submitted tasks their thread takes answers and fills lanes.
const ATTEND_EVERY: u32 = 32;

/// What goes back to the front of the queue, and whether the lane takes no more.
type Back = Option<(Waiting, bool)>;

impl State {
    /// A task was queued. It is sent if a lane has room; answers are taken now and then, for those who only submit.
    pub(crate) fn submitted(&mut self, priority: i8) {
        self.make_way(priority);
        self.unattended += 1;
        if self.unattended >= ATTEND_EVERY {
            self.unattended = 0;
            self.turn();
        } else if !self.idle.is_empty() {
            self.send_waiting();
        }
    }

    /// How many tasks a lane may have.
    fn depth(&self) -> usize {
        if self.task_ns > LONG.as_nanos() as u64 {
            1
        } else {
            (1 + AHEAD.as_nanos() as u64 / self.task_ns.max(1)).min(FLIGHTS_MAX as u64) as usize
        }
    }

    /// How many inputs a map should have under way to keep every lane busy.
    pub(crate) fn window(&self) -> usize {
        2 * self.depth().max(2) * self.lanes_to_use()
    }

    /// Sends what waits to the lanes that have room for it.
    pub(crate) fn send_waiting(&mut self) {
        while self.queue.len() > 0 {
            let depth = self.depth();
            let Some(number) = self.lane_with_room(depth) else { break };
            let lanes = self.lanes_to_use();
            let mut lane = self.lanes.remove(&number).expect("was just found");
            let room = depth - lane.flights.len().min(depth);
            let share =
                self.queue.len().div_ceil(lanes).clamp(1, room.max(1)).min(lane.budget());
            let before = lane.flights.len();
            if before == 0 {
                lane.since = Instant::now();
                if !lane.is_sound() {
                    lane.spoil();
                    let why = Some("it wrote where it must not while it had no task".into());
                    self.requests.push(Request::Kill { lane: number, why });
                    self.lanes.insert(number, lane);
                    continue;
                }
            }
            // A worker may look for the next task before it sleeps if a processor would be idle otherwise: one is the
            // caller's.
            let busy = self.lanes.values().filter(|lane| lane.is_in_use(usize::MAX)).count();
            lane.may_look(busy + 2 <= self.processors);
            let full = self.send_to(number, &mut lane, share);
            let sent = lane.flights.len() - before;
            self.in_flight += sent;
            lane.publish();
            self.list_if_idle(number, &mut lane);
            self.lanes.insert(number, lane);
            if full || sent == 0 {
                break;
            }
        }
    }

    /// How many lanes tasks like these are to be spread over.
    fn lanes_to_use(&self) -> usize {
        let all = self.lanes.len().max(1);
        if self.task_ns < SHORT.as_nanos() as u64 { all.min(self.processors) } else { all }
    }

    /// Whether as many lanes are busy as tasks like these need.
    pub(super) fn enough_are_busy(&self) -> bool {
        if self.idle.is_empty() {
            return true;
        }
        let needed = self.lanes_to_use();
        // A lane that has not answered for long has tasks of another kind, or waits for a processor: it does not count.
        let now = Instant::now();
        let moves = |lane: &Lane| {
            lane.is_in_use(usize::MAX) && now.saturating_duration_since(lane.since) < HELD_UP
        };
        // Looked at only as far as it matters: there may be thousands of lanes.
        self.lanes.values().filter(|lane| moves(lane)).take(needed).count() == needed
    }

    /// An idle lane, the one that became idle last; otherwise the one with the fewest tasks.
    fn lane_with_room(&mut self, depth: usize) -> Option<u32> {
        if !self.enough_are_busy()
            && let Some(number) = self.pop_idle()
        {
            return Some(number);
        }
        let now = Instant::now();
        self.lanes
            .iter()
            .filter(|(_, lane)| {
                lane.is_in_use(depth) && lane.budget() > 0 && !lane.is_stuck(now)
            })
            .min_by_key(|(_, lane)| lane.flights.len())
            // A lane is filled up again when half of it is done, not at each answer.
            .filter(|(_, lane)| lane.flights.len() <= depth / 2)
            .map(|(number, _)| *number)
    }

    /// Sends up to `share` tasks; true if the lane took no more.
    fn send_to(&mut self, number: u32, lane: &mut Lane, share: usize) -> bool {
        let mut left = share;
        while left > 0 {
            let Some((priority, waiting)) = self.queue.pop() else { return false };
            self.least_sent = self.least_sent.min(priority);
            let (sent, back) = match waiting {
                Waiting::Task { cell, deaths } => self.send_cell(number, lane, cell, deaths),
                Waiting::Item(item) => self.send_item(number, lane, item),
                Waiting::Batch(batch) => {
                    let stamp = batch.stamp;
                    let (sent, back) = self.send_batch(number, lane, batch, left);
                    self.times.sent(stamp, sent as u64);
                    (sent, back)
                }
            };
            left -= sent.min(left);
            if let Some((waiting, full)) = back {
                self.queue.push_front(priority, waiting);
                if full {
                    return true;
                }
            }
        }
        false
    }

    fn send_cell(
        &mut self,
        number: u32,
        lane: &mut Lane,
        cell: Arc<Cell>,
        deaths: u32,
    ) -> (usize, Back) {
        let Some(payload) = cell.send(number) else { return (0, None) };
        let Payload { bytes, attached } = payload;
        let own = Arc::clone(&cell);
        match lane.send(cell.call, &bytes, attached, || Ticket::Task(own), deaths) {
            Ok(()) => {
                self.limit_sent(lane, cell.terms.timeout);
                self.times.sent(cell.take_stamp(), 1);
                (1, None)
            }
            Err((why, attached)) => {
                cell.take_back(Payload { bytes, attached });
                self.not_sent(number, lane, why, Waiting::Task { cell, deaths })
            }
        }
    }

    fn send_item(
        &mut self,
        number: u32,
        lane: &mut Lane,
        mut item: Box<Item>,
    ) -> (usize, Back) {
        let (stream, index) = (item.stream, item.index);
        let attached = item.payload.attached.take();
        let ticket = || Ticket::Item { stream, index };
        match lane.send(item.call, &item.payload.bytes, attached, ticket, item.deaths) {
            Ok(()) => {
                let limit = self.streams.get(stream).terms.timeout;
                self.limit_sent(lane, limit);
                self.times.sent(item.stamp, 1);
                (1, None)
            }
            Err((why, attached)) => {
                item.payload.attached = attached;
                self.not_sent(number, lane, why, Waiting::Item(item))
            }
        }
    }

    fn send_batch(
        &mut self,
        number: u32,
        lane: &mut Lane,
        mut batch: Box<Batch>,
        share: usize,
    ) -> (usize, Back) {
        let mut sent = 0;
        // Before the first of them: if none is sent, the supervisor looks in vain, once.
        let limit = self.streams.get(batch.stream).terms.timeout;
        self.limit_sent(lane, limit);
        while batch.left() > 0 {
            if sent == share {
                return (sent, Some((Waiting::Batch(batch), false)));
            }
            let attached = batch.next_attached();
            let (stream, index) = (batch.stream, batch.first_index + batch.sent as u64);
            let bytes = &batch.bytes[batch.next_range()];
            match lane.send(batch.call, bytes, attached, || Ticket::Item { stream, index }, 0) {
                Ok(()) => {
                    batch.sent += 1;
                    sent += 1;
                }
                Err((why, attached)) => {
                    if let Some(attached) = attached {
                        batch.attached.insert(batch.sent, *attached);
                    }
                    let (_, back) = self.not_sent(number, lane, why, Waiting::Batch(batch));
                    return (sent, back);
                }
            }
        }
        (sent, None)
    }

    /// What becomes of an entry whose first task was not sent.
    fn not_sent(
        &mut self,
        number: u32,
        lane: &mut Lane,
        why: NotSent,
        waiting: Waiting,
    ) -> (usize, Back) {
        match why {
            NotSent::Full => (0, Some((waiting, true))),
            NotSent::Broken(Broken(why)) => {
                lane.spoil();
                self.requests.push(Request::Kill { lane: number, why: Some(why) });
                (0, Some((waiting, true)))
            }
            NotSent::NoMemory(error) => self.no_memory(&error, waiting),
        }
    }

    /// The argument finds no shared memory: its task fails, and the ones behind it go on.
    fn no_memory(&mut self, error: &shared::SharedError, waiting: Waiting) -> (usize, Back) {
        let error = TaskError::Encode { type_name: "the argument", message: error.to_string() };
        self.counts.failed += 1;
        match waiting {
            Waiting::Task { cell, .. } => {
                self.finish(&cell, Answer::failed(error));
                (0, None)
            }
            Waiting::Item(item) => {
                self.fail_item(item.stream, item.index, error);
                (0, None)
            }
            Waiting::Batch(mut batch) => {
                let index = batch.first_index + batch.sent as u64;
                batch.sent += 1;
                self.fail_item(batch.stream, index, error);
                (0, (batch.left() > 0).then_some((Waiting::Batch(batch), false)))
            }
        }
    }

    /// An idle lane's area for a large argument, if nothing waits before it.
    pub(crate) fn lend_area(&mut self) -> Option<(u32, Growing, bool)> {
        self.turn();
        if self.queue.len() > 0 {
            return None;
        }
        let number = self.lane_with_room(1)?;
        let lent = self.lanes.get_mut(&number).and_then(|lane| lane.lend_area());
        match lent {
            Some((area, new)) => Some((number, area, new)),
            None => {
                self.list_idle(number);
                None
            }
        }
    }

    /// Takes a lent area back and, if the argument of `cell` is in it, sends that task; whether it was sent.
    pub(crate) fn take_lent(
        &mut self,
        number: u32,
        area: Growing,
        new: bool,
        len: Option<usize>,
        cell: &Arc<Cell>,
    ) -> bool {
        // A lane that is gone needs no area.
        let Some(lane) = self.lanes.get_mut(&number) else { return false };
        let was_idle = lane.flights.is_empty();
        let open = self.standing == super::Standing::Open;
        let Some(len) = len.filter(|_| open && lane.phase == Phase::Ready && lane.budget() > 0)
        else {
            lane.take_area_back(area, new);
            self.list_idle(number);
            return false;
        };
        if was_idle {
            lane.since = Instant::now();
        }
        if let Some(trace) = &mut self.trace {
            cell.set_stamp(Stamp::at(trace.submitted(1)));
        }
        cell.send(number);
        let own = Arc::clone(cell);
        let mut lane = self.lanes.remove(&number).expect("was just found");
        self.limit_sent(&mut lane, cell.terms.timeout);
        let sent = lane.send_lent(area, new, len, cell.call, || Ticket::Task(own));
        lane.publish();
        let lane = self.lanes.entry(number).or_insert(lane);
        match sent {
            Ok(()) => {
                self.counts.submitted += 1;
                self.times.sent(cell.take_stamp(), 1);
                self.in_flight += 1;
                self.least_sent = self.least_sent.min(cell.terms.priority);
                true
            }
            Err(NotSent::Broken(Broken(why))) => {
                lane.spoil();
                self.requests.push(Request::Kill { lane: number, why: Some(why) });
                false
            }
            Err(NotSent::Full | NotSent::NoMemory(_)) => {
                self.list_idle(number);
                false
            }
        }
    }
}
