//! What was accepted and has not been sent: by priority, in order of arrival within one.
//!
//! Invariant: `len` is the number of tasks that wait, whatever the number of entries, so the limit of the queue counts
//! tasks. A task that was cancelled is counted out at once and passed over when its entry comes up.

use crate::state::Stamp;
use crate::task_cell::{Attached, Cell, Payload};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

/// One entry of the queue.
#[derive(Debug)]
pub(crate) enum Waiting {
    /// A task of `submit`. `deaths`: how many workers have died of it.
    Task { cell: Arc<Cell>, deaths: u32 },
    /// One input of a `map` that came back from a lane.
    Item(Box<Item>),
    /// Inputs of a `map`, in order.
    Batch(Box<Batch>),
}

/// One input of a `map`.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) stream: u32,
    pub(crate) index: u64,
    pub(crate) call: u64,
    pub(crate) deaths: u32,
    pub(crate) payload: Payload,
    pub(crate) stamp: Stamp,
}

/// Encoded inputs of a `map`, one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) stream: u32,
    pub(crate) call: u64,
    /// The index of the input at `ends[0]`.
    pub(crate) first_index: u64,
    /// When they were accepted.
    pub(crate) stamp: Stamp,
    pub(crate) bytes: Vec<u8>,
    /// Where each input's bytes end.
    pub(crate) ends: Vec<usize>,
    /// How many of them have been sent.
    pub(crate) sent: usize,
    /// The descriptors of the few inputs that have some, by their place in `ends`.
    pub(crate) attached: BTreeMap<usize, Vec<Arc<std::os::fd::OwnedFd>>>,
}

impl Batch {
    pub(crate) fn left(&self) -> usize {
        self.ends.len() - self.sent
    }

    /// Where the bytes of the next input are.
    pub(crate) fn next_range(&self) -> Range<usize> {
        let start = self.sent.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[self.sent]
    }

    pub(crate) fn next_attached(&mut self) -> Attached {
        if self.attached.is_empty() {
            None
        } else {
            self.attached.remove(&self.sent).map(Box::new)
        }
    }
}

/// The tasks that wait.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// The highest priority is the last key.
    by_priority: BTreeMap<i8, VecDeque<Waiting>>,
    len: usize,
    /// Tasks that were ended by somebody else since the entries were last looked through.
    forgotten: usize,
}

impl Queue {
    /// How many tasks wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push_back(&mut self, priority: i8, waiting: Waiting) {
        self.len += tasks(&waiting);
        self.by_priority.entry(priority).or_default().push_back(waiting);
    }

    /// Puts back what had been at the front.
    pub(crate) fn push_front(&mut self, priority: i8, waiting: Waiting) {
        self.len += tasks(&waiting);
        self.by_priority.entry(priority).or_default().push_front(waiting);
    }

    /// Takes the entry that is to start next, with its priority.
    pub(crate) fn pop(&mut self) -> Option<(i8, Waiting)> {
        loop {
            let only_one = self.by_priority.len() == 1;
            let mut entry = self.by_priority.last_entry()?;
            let priority = *entry.key();
            let Some(waiting) = entry.get_mut().pop_front() else {
                // The last row is kept: nearly every task has the same priority.
                if only_one {
                    return None;
                }
                entry.remove();
                continue;
            };
            if let Waiting::Task { cell, .. } = &waiting
                && cell.has_ended()
            {
                continue;
            }
            self.len -= tasks(&waiting);
            return Some((priority, waiting));
        }
    }

    /// A task in the queue was ended by somebody else: its entry no longer counts.
    pub(crate) fn forget_one(&mut self) {
        self.len -= 1;
        self.forgotten += 1;
        // Their entries must not pile up behind tasks that nobody runs.
        if self.forgotten > 1024 + self.len {
            self.forgotten = 0;
            for row in self.by_priority.values_mut() {
                row.retain(
                    |waiting| !matches!(waiting, Waiting::Task { cell, .. } if cell.has_ended()),
                );
            }
        }
    }

    /// Takes out every input of one `map`; how many there were.
    pub(crate) fn remove_stream(&mut self, stream: u32) -> usize {
        let mut removed = 0;
        for row in self.by_priority.values_mut() {
            row.retain(|waiting| {
                let its_own = match waiting {
                    Waiting::Task { .. } => false,
                    Waiting::Item(item) => item.stream == stream,
                    Waiting::Batch(batch) => batch.stream == stream,
                };
                if its_own {
                    removed += tasks(waiting);
                }
                !its_own
            });
        }
        self.len -= removed;
        removed
    }

    /// Takes everything.
    pub(crate) fn drain(&mut self) -> Vec<Waiting> {
        let mut all = Vec::new();
        while let Some((_, waiting)) = self.pop() {
            all.push(waiting);
        }
        self.len = 0;
        all
    }
}

fn tasks(waiting: &Waiting) -> usize {
    match waiting {
        Waiting::Task { .. } | Waiting::Item(_) => 1,
        Waiting::Batch(batch) => batch.left(),
    }
}
