//! The consumer of a ring whose producer may write anything anywhere, at any time.

/// How many words the ring has, a power of two.
pub const CAPACITY: u32 = 16;

/// What the producer has written makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrupt;

/// The consumer's half of a ring of words.
pub struct Consumer<M> {
    memory: M,
    // What else a consumer has to remember.
}

impl<M: Memory> Consumer<M> {
    /// A consumer of a ring that was just made: tail and head are 0.
    pub fn new(memory: M) -> Consumer<M> {
        Consumer { memory }
    }

    /// The payload of the next record, whose room is given back. `None` if nothing more has been published.
    ///
    /// # Errors
    /// [`Corrupt`] if the tail or a length cannot be, and from then on always.
    pub fn take(&mut self) -> Result<Option<Vec<u32>>, Corrupt> {
        todo!("look at the tail, read the record, give back its room")
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
