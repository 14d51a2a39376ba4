//! One `map` under way, as the pool's state sees it: where its answers are put until its iterator takes them.
//!
//! Owner: the pool's state, under its lock. `open` counts inputs that were accepted and have no answer here; the slot
//! is given up when the iterator is gone and `open` is zero.

use crate::error::TaskError;
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
    pub(crate) retries: u32,
    pub(crate) priority: i8,
    /// Its iterator is gone: answers are dropped.
    pub(crate) abandoned: bool,
    /// The thread that sleeps in `next`.
    pub(crate) thread: Option<Thread>,
}

impl Stream {
    pub(crate) fn fail(&mut self, index: u64, error: TaskError) {
        let end = self.inbox.bytes.len();
        let failed = Some(Box::new(error));
        self.inbox.entries.push(Entry { index, end, outcome: 0, failed, descriptors: None });
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
