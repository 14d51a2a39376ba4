//! `map` and `map_unordered`: inputs taken lazily, encoded in batches, answered in order or as they come.
//!
//! The iterator that the caller holds does the work on its own thread: it pulls inputs, encodes them without the lock,
//! hands them to the queue in batches, and takes what the lanes have answered. How far it runs ahead depends on how
//! fast the tasks turn out to be.

use crate::core::Core;
use crate::origin::Origin;
use crate::pool::encode;
use crate::queue::{Batch, Waiting};
use crate::result::decode_bytes;
use crate::stream::{Inbox, Stream};
use crate::task_cell::Terms;
use executor::TaskError;
use std::collections::VecDeque;
use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use task::{Call, Message};

/// The most inputs that were taken and whose results were not taken out.
pub(crate) const AHEAD_MAX: usize = 16_384;
/// The most bytes of inputs and results that lie with the program, beyond one input.
const AHEAD_BYTES_MAX: usize = 64 << 20;
/// The most inputs that are encoded before the workers get them.
const BATCH_MAX: usize = 512;

/// What both iterators do.
struct Source<I, A, R> {
    core: Arc<Core>,
    /// Where its stream is.
    origin: Origin,
    inputs: Option<I>,
    stream: u32,
    /// Why nothing is sent: the function cannot travel, or the pool takes no tasks.
    call: Result<u64, String>,
    /// Index of the next input.
    next_input: u64,
    /// Inputs whose results were not handed out.
    ahead: usize,
    ahead_bytes: usize,
    inbox: Inbox,
    types: PhantomData<fn(A) -> R>,
}

impl<I: Iterator<Item = A>, A: Message, R: Message> Source<I, A, R> {
    fn new(core: Arc<Core>, f: fn(A) -> R, inputs: I, terms: Terms) -> Self {
        let call = Call::of(f).map(Call::to_bits).map_err(|error| error.to_string());
        let id = core.next_id();
        let stream =
            Stream { terms, id, call: *call.as_ref().unwrap_or(&0), ..Stream::default() };
        let stream = core.lock().streams.open(stream);
        let mut source = Source {
            core,
            origin: Origin::here(),
            inputs: Some(inputs),
            stream,
            call,
            next_input: 0,
            ahead: 0,
            ahead_bytes: 0,
            inbox: Inbox::default(),
            types: PhantomData,
        };
        source.feed();
        source
    }

    /// Takes inputs as far as the tasks' speed asks for, and sends them.
    fn feed(&mut self) {
        loop {
            let target = self.core.lock().window().min(AHEAD_MAX);
            // A batch for a few inputs costs nearly as much as one for many.
            if self.inputs.is_none()
                || self.ahead_bytes >= AHEAD_BYTES_MAX
                || self.ahead > target / 2 && self.ahead + 16 > target
            {
                return;
            }
            let count = (target - self.ahead.min(target)).clamp(1, BATCH_MAX);
            if !self.send(count) {
                return;
            }
        }
    }

    /// Encodes up to `count` inputs and queues them; false if there was none.
    fn send(&mut self, count: usize) -> bool {
        let mut batch = Batch {
            stream: self.stream,
            call: *self.call.as_ref().unwrap_or(&0),
            first_index: self.next_input,
            ..Batch::default()
        };
        let mut failed = Vec::new();
        let filling =
            catch_unwind(AssertUnwindSafe(|| self.fill(&mut batch, &mut failed, count)));
        if let Err(panic) = filling {
            // What was taken before is on its way when the caller sees the panic.
            self.inputs = None;
            self.hand_over(batch, failed);
            resume_unwind(panic);
        }
        if batch.ends.is_empty() && failed.is_empty() {
            return false;
        }
        self.hand_over(batch, failed);
        true
    }

    /// Takes inputs and encodes them. An input that cannot be sent ends the batch, whose indices have no gap.
    fn fill(
        &mut self,
        batch: &mut Batch,
        failed: &mut Vec<(u64, Box<TaskError>)>,
        count: usize,
    ) {
        let Some(inputs) = &mut self.inputs else { return };
        batch.ends.reserve(count);
        while batch.ends.len() < count && self.ahead_bytes + batch.bytes.len() < AHEAD_BYTES_MAX
        {
            let Some(input) = inputs.next() else {
                self.inputs = None;
                return;
            };
            let index = self.next_input;
            self.next_input += 1;
            self.ahead += 1;
            if let Err(message) = &self.call {
                let type_name = std::any::type_name::<fn(A) -> R>();
                let error = TaskError::Encode { type_name, message: message.clone() };
                failed.push((index, Box::new(error)));
                return;
            }
            let start = batch.bytes.len();
            match encode(&input, &mut batch.bytes) {
                Ok(attached) => {
                    if !attached.is_empty() {
                        batch.attached.insert(batch.ends.len(), attached);
                    }
                    batch.ends.push(batch.bytes.len());
                }
                Err(error) => {
                    batch.bytes.truncate(start);
                    failed.push((index, error));
                    return;
                }
            }
        }
    }

    fn hand_over(&mut self, mut batch: Batch, failed: Vec<(u64, Box<TaskError>)>) {
        let mut state = self.core.lock();
        state.counts.submitted += failed.len() as u64;
        state.streams.get(self.stream).open += batch.ends.len() as u64 + failed.len() as u64;
        for (index, error) in failed {
            state.counts.failed += 1;
            state.fail_item(self.stream, index, *error);
        }
        if !batch.ends.is_empty() {
            if let Some(refusal) = state.standing.refusal() {
                let text = refusal;
                for place in 0..batch.ends.len() {
                    let index = batch.first_index + place as u64;
                    let error = match &text {
                        TaskError::PoolBroken { cause } => {
                            TaskError::PoolBroken { cause: cause.clone() }
                        }
                        _ => TaskError::PoolClosed,
                    };
                    state.fail_item(self.stream, index, error);
                }
            } else {
                self.ahead_bytes += batch.bytes.len();
                let count = batch.ends.len() as u64;
                state.counts.submitted += count;
                batch.stamp = state.accept_batch(self.stream, batch.first_index, count);
                let priority = state.streams.get(self.stream).terms.priority;
                state.queue.push_back(priority, Waiting::Batch(Box::new(batch)));
                state.make_way(priority);
                state.turn();
            }
        }
        self.core.leave(state);
    }

    /// Answers that have come since the last call, in `self.inbox`; waits for one. False: there will be none.
    fn receive(&mut self) -> bool {
        if !self.origin.is_here() {
            // The program's own iterator gets the answers, and this process is a copy.
            self.inputs = None;
            self.ahead = 0;
            return false;
        }
        self.feed();
        if self.ahead == 0 {
            return false;
        }
        self.inbox.clear();
        let Source { core, inbox, stream, .. } = self;
        core.wait(
            None,
            |state| {
                let slot = state.streams.get(*stream);
                if slot.inbox.entries.is_empty() {
                    return false;
                }
                std::mem::swap(&mut slot.inbox, inbox);
                true
            },
            |state, thread| state.streams.get(*stream).thread = thread,
        );
        true
    }

    /// Hands every answer of the inbox to `take`, decoded.
    fn decode(&mut self, mut take: impl FnMut(u64, Result<R, Box<TaskError>>)) {
        let mut start = 0;
        let Inbox { bytes, entries } = &mut self.inbox;
        for entry in entries.drain(..) {
            let result = match entry.failed {
                Some(error) => Err(error),
                None => {
                    let descriptors = entry.descriptors.map_or_else(Vec::new, <[_]>::into_vec);
                    decode_bytes(entry.outcome, &bytes[start..entry.end], descriptors)
                }
            };
            start = entry.end;
            take(entry.index, result);
        }
    }

    /// A result was handed out.
    fn handed_out(&mut self) {
        // The bytes of one input on average: what counts is their order of magnitude.
        self.ahead_bytes -= self.ahead_bytes / self.ahead.max(1);
        self.ahead -= 1;
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.inputs {
            None => (self.ahead, Some(self.ahead)),
            Some(inputs) => {
                let (low, high) = inputs.size_hint();
                (
                    low.saturating_add(self.ahead),
                    high.and_then(|high| high.checked_add(self.ahead)),
                )
            }
        }
    }
}

impl<I, A, R> Drop for Source<I, A, R> {
    fn drop(&mut self) {
        if !self.origin.is_here() {
            return;
        }
        let mut state = self.core.lock();
        state.abandon(self.stream);
        state.turn();
        self.core.leave(state);
    }
}

/// Results in the order of the inputs; see [`crate::Pool::map`].
///
/// Dropping it cancels what has not started.
#[must_use = "what is not taken out may never be run"]
pub struct Map<I, A, R> {
    source: Source<I, A, R>,
    /// Results from the next one on; a place is empty while its task runs. Errors are boxed: a place is no larger than it has to be.
    results: VecDeque<Option<Result<R, Box<TaskError>>>>,
    first: u64,
}

impl<I: Iterator<Item = A>, A: Message, R: Message> Map<I, A, R> {
    pub(crate) fn new(core: Arc<Core>, f: fn(A) -> R, inputs: I, terms: Terms) -> Self {
        Map { source: Source::new(core, f, inputs, terms), results: VecDeque::new(), first: 0 }
    }
}

impl<I: Iterator<Item = A>, A: Message, R: Message> Iterator for Map<I, A, R> {
    type Item = Result<R, TaskError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(place) = self.results.front_mut()
                && place.is_some()
            {
                let result = self.results.pop_front().flatten();
                self.first += 1;
                self.source.handed_out();
                return result.map(|result| result.map_err(|error| *error));
            }
            if !self.source.receive() {
                return None;
            }
            let Map { source, results, first } = self;
            source.decode(|index, result| {
                let place = (index - *first) as usize;
                if place == results.len() {
                    results.push_back(Some(result));
                    return;
                }
                if results.len() < place {
                    results.resize_with(place + 1, || None);
                }
                results[place] = Some(result);
            });
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.source.size_hint()
    }
}

impl<I: ExactSizeIterator<Item = A>, A: Message, R: Message> ExactSizeIterator
    for Map<I, A, R>
{
}
impl<I: Iterator<Item = A>, A: Message, R: Message> FusedIterator for Map<I, A, R> {}

impl<I, A, R> fmt::Debug for Map<I, A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map")
            .field("taken", &self.source.next_input)
            .field("ahead", &self.source.ahead)
            .finish()
    }
}

/// Results as they finish, each with the index of its input; see [`crate::Pool::map_unordered`].
///
/// Dropping it cancels what has not started.
#[must_use = "what is not taken out may never be run"]
pub struct MapUnordered<I, A, R> {
    source: Source<I, A, R>,
    results: VecDeque<(usize, Result<R, Box<TaskError>>)>,
}

impl<I: Iterator<Item = A>, A: Message, R: Message> MapUnordered<I, A, R> {
    pub(crate) fn new(core: Arc<Core>, f: fn(A) -> R, inputs: I, terms: Terms) -> Self {
        MapUnordered { source: Source::new(core, f, inputs, terms), results: VecDeque::new() }
    }
}

impl<I: Iterator<Item = A>, A: Message, R: Message> Iterator for MapUnordered<I, A, R> {
    type Item = (usize, Result<R, TaskError>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((index, result)) = self.results.pop_front() {
                self.source.handed_out();
                return Some((index, result.map_err(|error| *error)));
            }
            if !self.source.receive() {
                return None;
            }
            let MapUnordered { source, results } = self;
            source.decode(|index, result| results.push_back((index as usize, result)));
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.source.size_hint()
    }
}

impl<I: ExactSizeIterator<Item = A>, A: Message, R: Message> ExactSizeIterator
    for MapUnordered<I, A, R>
{
}
impl<I: Iterator<Item = A>, A: Message, R: Message> FusedIterator for MapUnordered<I, A, R> {}

impl<I, A, R> fmt::Debug for MapUnordered<I, A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapUnordered")
            .field("taken", &self.source.next_input)
            .field("ahead", &self.source.ahead)
            .finish()
    }
}
