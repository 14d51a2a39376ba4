//! One `map` under way, as the pool's state sees it: where its answers are put until its iterator takes them.
//!
//! Owner: the pool's state, under its lock. `open` counts inputs that were accepted and have no answer here; the slot
//! is given up when the iterator is gone and `open` is zero.

use crate::task_cell::Terms;
use executor::TaskError;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::thread::Thread;

/// The answer for one input.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) index: u64,
    /// Where its bytes end in the inbox.
    pub(crate) end: usize,
    pub(crate) outcome: u8,
    /// An answer that is not the worker's own.
    pub(crate) failed: Option<Box<TaskError>>,
    pub(crate) descriptors: Option<Box<[OwnedFd]>>,
}

/// Answers in the order in which they came, their bytes one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    pub(crate) bytes: Vec<u8>,
    pub(crate) entries: Vec<Entry>,
}

impl Inbox {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }
}

/// One `map`.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub(crate) inbox: Inbox,
    pub(crate) open: u64,
    /// What its inputs are given to.
    pub(crate) call: u64,
    pub(crate) terms: Terms,
    /// Its iterator is gone: answers are dropped.
    pub(crate) abandoned: bool,
    /// The thread that sleeps in `next`.
    pub(crate) thread: Option<Thread>,
    /// Its name in the trace.
    pub(crate) id: u64,
    /// When its inputs were submitted, if the pool is traced.
    pub(crate) submitted: Submitted,
}

impl Stream {
    pub(crate) fn fail(&mut self, index: u64, error: TaskError) {
        let end = self.inbox.bytes.len();
        let failed = Some(Box::new(error));
        self.inbox.entries.push(Entry { index, end, outcome: 0, failed, descriptors: None });
    }
}

/// When inputs were submitted that have not ended. Batches that have are forgotten.
#[derive(Debug, Default)]
pub(crate) struct Submitted(VecDeque<Batch>);

#[derive(Debug)]
struct Batch {
    first_index: u64,
    open: u64,
    at_ns: u64,
}

impl Submitted {
    /// The next batch.
    pub(crate) fn add(&mut self, first_index: u64, count: u64, at_ns: u64) {
        self.0.push_back(Batch { first_index, open: count, at_ns });
    }

    /// When an input was submitted that has ended, or that is to be run again: then the answer may later be that of a
    /// batch after it.
    pub(crate) fn take(&mut self, index: u64) -> u64 {
        let behind = self.0.partition_point(|batch| batch.first_index <= index);
        let at_ns = match self.0.get_mut(behind.saturating_sub(1)) {
            None => return 0,
            Some(batch) => {
                batch.open = batch.open.saturating_sub(1);
                batch.at_ns
            }
        };
        while self.0.len() > 1 && self.0.front().is_some_and(|batch| batch.open == 0) {
            self.0.pop_front();
        }
        at_ns
    }
}

/// The maps under way, by number.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    slots: Vec<Option<Stream>>,
}

impl Streams {
    pub(crate) fn open(&mut self, stream: Stream) -> u32 {
        let free = self.slots.iter().position(Option::is_none).unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[free] = Some(stream);
        free as u32
    }

    #[inline]
    pub(crate) fn get(&mut self, number: u32) -> &mut Stream {
        self.slots[number as usize]
            .as_mut()
            .expect("a stream lives as long as it has open inputs")
    }

    /// Gives up the slot if nothing refers to it any more.
    pub(crate) fn close_if_done(&mut self, number: u32) {
        if self.get(number).abandoned && self.get(number).open == 0 {
            self.slots[number as usize] = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_forgotten_when_their_inputs_have_ended() {
        let mut submitted = Submitted::default();
        for batch in 0..1_000 {
            submitted.add(batch * 10, 10, batch);
            let indices = batch * 10..batch * 10 + 10;
            assert!(indices.rev().all(|index| submitted.take(index) == batch));
            assert_eq!(submitted.0.len(), 1, "the last one");
        }
        submitted.add(10_000, 2, 7);
        assert_eq!((submitted.take(10_001), submitted.take(10_000)), (7, 7));
        assert_eq!(Submitted::default().take(3), 0);
    }
}
