//! DATA_RACE: a head that is seen late does no harm but for a ring that looks full.

use std::sync::atomic::Ordering;

/// A ring. Tail and head count records since it was made.
pub struct Ring<I, S> {
    /// How many records the producer has written.
    pub tail: I,
    /// How many of them the consumer has read.
    pub head: I,
    /// Where the records are.
    pub slots: Vec<S>,
}

impl<I: Index, S: Slot> Ring<I, S> {
    /// Writes a record, as the producer. `false` if there is no room for it now.
    pub fn push(&self, record: u64) -> bool {
        let tail = self.tail.load(Ordering::Relaxed);
        let head = self.head.load(Ordering::Relaxed);
        if tail - head == self.slots.len() as u64 {
            return false;
        }
        self.slot(tail).write(record);
        self.tail.store(tail + 1, Ordering::Release);
        true
    }

    /// Reads the next record, as the consumer. `None` if there is none now.
    pub fn pop(&self) -> Option<u64> {
        let head = self.head.load(Ordering::Relaxed);
        let tail = self.tail.load(Ordering::Acquire);
        if head == tail {
            return None;
        }
        let record = self.slot(head).read();
        self.head.store(head + 1, Ordering::Release);
        Some(record)
    }

    fn slot(&self, number: u64) -> &S {
        &self.slots[number as usize % self.slots.len()]
    }
}

/// Given: one of the two indices, an atomic integer. It is the standard library's, or that of the model checker.
pub trait Index {
    /// As [`AtomicU64::load`](std::sync::atomic::AtomicU64::load).
    fn load(&self, ordering: Ordering) -> u64;

    /// As [`AtomicU64::store`](std::sync::atomic::AtomicU64::store).
    fn store(&self, number: u64, ordering: Ordering);

    /// As [`std::sync::atomic::fence`], which the model checker does not see.
    fn fence(&self, ordering: Ordering);
}

/// Given: room for one record. Two threads may not come to it at the same time.
pub trait Slot {
    /// What was written last.
    fn read(&self) -> u64;

    /// Writes a record over it.
    fn write(&self, record: u64);
}
