//! TOO_MUCH_MEMORY: makes room for the payload before it looks whether there can be one.

/// How many words the ring has, a power of two.
pub const CAPACITY: u32 = 16;

/// What the producer has written makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrupt;

/// The consumer's half of a ring of words.
pub struct Consumer<M> {
    memory: M,
    head: u32,
    is_corrupt: bool,
}

impl<M: Memory> Consumer<M> {
    /// A consumer of a ring that was just made: tail and head are 0.
    pub fn new(memory: M) -> Consumer<M> {
        Consumer { memory, head: 0, is_corrupt: false }
    }

    /// The payload of the next record, whose room is given back. `None` if nothing more has been published.
    ///
    /// # Errors
    /// [`Corrupt`] if the tail or a length cannot be, and from then on always.
    pub fn take(&mut self) -> Result<Option<Vec<u32>>, Corrupt> {
        if self.is_corrupt {
            return Err(Corrupt);
        }
        let found = self.record();
        self.is_corrupt = found.is_err();
        found
    }

    fn record(&mut self) -> Result<Option<Vec<u32>>, Corrupt> {
        let unread = self.memory.load_tail().wrapping_sub(self.head);
        if unread == 0 {
            return Ok(None);
        }
        if unread > CAPACITY {
            return Err(Corrupt);
        }
        let len = self.word(0);
        let mut payload = Vec::with_capacity(len as usize);
        if len >= unread {
            return Err(Corrupt);
        }
        payload.extend((1..=len).map(|at| self.word(at)));
        self.head = self.head.wrapping_add(len + 1);
        self.memory.store_head(self.head);
        Ok(Some(payload))
    }

    /// The word that is so many behind the head.
    fn word(&self, at: u32) -> u32 {
        self.memory.load(self.head.wrapping_add(at) % CAPACITY)
    }
}

/// Given: the ring's memory. The producer is another process and may have written to all of it since the last look.
pub trait Memory {
    /// The producer's index: how many words it has published, modulo 2³².
    fn load_tail(&self) -> u32;

    /// The consumer's index, as it stands in memory.
    fn load_head(&self) -> u32;

    /// Tells the producer how many words are read, modulo 2³².
    fn store_head(&self, head: u32);

    /// The word at a place, which must be below [`CAPACITY`]: what lies behind it is no part of the ring.
    fn load(&self, place: u32) -> u32;
}
