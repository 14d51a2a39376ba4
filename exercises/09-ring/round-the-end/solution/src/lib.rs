//! A small ring of bytes between two processes.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// A ring in memory that a producer and a consumer share. Its capacity is the length of `data`, a power of two.
pub struct Ring<'a> {
    /// How many bytes the producer has written since the ring was made, modulo 2³².
    pub tail: &'a AtomicU32,
    /// How many of them the consumer has read, modulo 2³².
    pub head: &'a AtomicU32,
    /// Where the bytes are.
    pub data: &'a [AtomicU8],
}

/// There is not enough room now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Ring<'_> {
    /// Writes a record: one byte with the length of the payload, and the payload. It may go round the end.
    ///
    /// # Errors
    /// [`Full`] if it does not fit into what is free; the ring is as it was then.
    pub fn write(&self, payload: &[u8]) -> Result<(), Full> {
        let (head, tail) =
            (self.head.load(Ordering::Acquire), self.tail.load(Ordering::Relaxed));
        let unread = tail.wrapping_sub(head) as usize;
        let len = u8::try_from(payload.len()).map_err(|_| Full)?;
        if payload.len() + 1 > self.data.len() - unread {
            return Err(Full);
        }
        self.place(tail).store(len, Ordering::Relaxed);
        for (byte, number) in payload.iter().zip(1..) {
            self.place(tail.wrapping_add(number)).store(*byte, Ordering::Relaxed);
        }
        self.tail.store(tail.wrapping_add(u32::from(len) + 1), Ordering::Release);
        Ok(())
    }

    /// Reads the next record, and gives back its room. `None` if there is none.
    pub fn read(&self) -> Option<Vec<u8>> {
        let (head, tail) =
            (self.head.load(Ordering::Relaxed), self.tail.load(Ordering::Acquire));
        if head == tail {
            return None;
        }
        let len = u32::from(self.place(head).load(Ordering::Relaxed));
        let payload = (1..=len)
            .map(|number| self.place(head.wrapping_add(number)).load(Ordering::Relaxed))
            .collect();
        self.head.store(head.wrapping_add(len + 1), Ordering::Release);
        Some(payload)
    }

    /// Where the byte with this number is.
    fn place(&self, number: u32) -> &AtomicU8 {
        &self.data[number as usize % self.data.len()]
    }
}
